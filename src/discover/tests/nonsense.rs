//! Nonsense in every file that a source reads.

use proptest::prelude::*;

use super::*;

/// Every file that any source reads.
const FILES: [&str; 22] = [
    ".config/opencode/opencode.json",
    ".local/share/opencode/opencode.db",
    ".config/gh/hosts.yml",
    ".gemini/.env",
    ".copilot/config.json",
    ".config/crush/crush.json",
    ".local/share/crush/crush.json",
    ".aider.conf.yml",
    ".env",
    ".claude.json.api",
    ".claude.json",
    ".claude/.credentials.json",
    ".claude/settings.json",
    ".codex/auth.json",
    ".codex/config.toml",
    ".cache/amika/env-cache.json",
    ".local/share/amika/keychain.json",
    ".local/state/amika/oauth.json",
    ".local/share/opencode/auth.json",
    ".local/share/amp/secrets.json",
    ".config/amp/settings.json",
    ".amp/config.json",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// R22: whatever a file holds, nothing panics and no value is quoted. Names that look like keys
    /// are not shown either.
    #[test]
    fn any_file_content_is_read_without_panic_or_quote(
        before in "[\\[\\]{}\":,=#/a-c0-9\n ]{0,40}",
        after in "[\\[\\]{}\":,=#/a-c0-9\n ]{0,40}",
        any in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let content = [before.as_bytes(), b"\"sk-hunter2\"", after.as_bytes(), &any].concat();
        let home = Home::new(Platform::Unix);
        for file in FILES {
            let path = home.root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &content).unwrap();
        }
        let discovery = home.discover_also(&NoKeychain, &["all"]);
        let problems = discovery.problems.iter().map(ToString::to_string);
        for said in problems.chain(discovery.notices.iter().map(|(_, message)| message.to_owned())) {
            prop_assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
