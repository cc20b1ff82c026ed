"""`./loopync bench …`: what Loopync can be measured with, by us and by others."""

import argparse

from bench import echo_server, message


def main() -> None:
    parser = argparse.ArgumentParser(prog="./loopync bench", description=__doc__)
    scenarios = parser.add_subparsers(required=True, metavar="scenario")
    messages = scenarios.add_parser(
        "message", help="from sending a message to its receipt, beside python-socketio"
    )
    message.add_arguments(messages)
    messages.set_defaults(run=message.main)
    echo = scenarios.add_parser(
        "echo-server",
        help="the socket server alone, sending every message back",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    echo_server.add_arguments(echo)
    echo.set_defaults(run=echo_server.main)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
