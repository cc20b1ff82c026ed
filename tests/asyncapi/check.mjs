// Reads a document from standard input, and prints what the official parser finds wrong with it.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
const found = diagnostics.map(({ code, message, path }) => ({ code, message, path: path.join(".") }));
const operations = document ? document.operations().all().map((operation) => operation.id()) : [];
console.log(JSON.stringify({ found, operations }));
