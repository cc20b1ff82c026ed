"""What people say about themselves, and what they have chosen."""

from storage.domains.profiles.me import (
    Me,
    OwnProfile,
    ProfileUpdated,
    UpdateProfile,
    get_me,
    update_profile,
)
from storage.domains.profiles.settings import (
    Settings,
    SettingsUpdated,
    UpdateSettings,
    get_settings,
    update_settings,
)

__all__ = [
    "Me",
    "OwnProfile",
    "ProfileUpdated",
    "Settings",
    "SettingsUpdated",
    "UpdateProfile",
    "UpdateSettings",
    "get_me",
    "get_settings",
    "update_profile",
    "update_settings",
]
