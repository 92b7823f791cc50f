//! The environment variables that every command reads, for the help and the manual.

pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("AMIKA_API_KEY", "API key to use instead of the stored credential"),
    ("AMIKA_API_URL", "API origin [default: https://app.amika.dev]"),
    ("AMIKA_STATE_DIRECTORY", "Directory for stored credentials"),
    ("AMIKA_WORKOS_CLIENT_ID", "WorkOS client ID to log in with"),
    ("AMIKA_HTTP_TIMEOUT", "Timeout of one request in seconds, 1 to 30"),
    (
        "AMIKA_KEYCHAIN",
        "on or off: whether the keychain is used [default: on]",
    ),
    (
        "HTTPS_PROXY, NO_PROXY",
        "Proxy to use, and hosts to reach without it",
    ),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "PEM file and directories of certificate authorities to trust",
    ),
    ("NO_COLOR", "Disable colours"),
    (
        "CI",
        "If set (not to 0 or false), nothing is asked: a command that needs a confirmation exits with 2",
    ),
];
