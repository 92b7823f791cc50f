use std::collections::BTreeSet;
use std::path::Path;

use super::*;

fn names(platform: Platform, variables: &[&str]) -> BTreeSet<&'static str> {
    let variables: Vec<_> = variables.iter().map(|name| (*name, "x")).collect();
    let env = Env::fake(Path::new("/home"), &variables, platform);
    environment(&env).map(|(name, _)| name).collect()
}

/// R102: keys in the environment do not reach the browser, on any system.
#[test]
fn a_browser_gets_desktop_variables_and_no_credentials() {
    let keys = ["AMIKA_API_KEY", "AWS_SECRET_ACCESS_KEY", "NPM_TOKEN"];
    for platform in [Platform::Unix, Platform::MacOs] {
        let given = names(
            platform,
            &[&keys[..], &["HOME", "DISPLAY", "XDG_CONFIG_HOME"]].concat(),
        );
        assert_eq!(given, BTreeSet::from(["DISPLAY", "HOME", "XDG_CONFIG_HOME"]));
    }
    let needed = ["SYSTEMROOT", "PROGRAMFILES(X86)", "LOCALAPPDATA", "USERPROFILE"];
    let given = names(Platform::Windows, &[&keys[..], &needed].concat());
    assert_eq!(given, BTreeSet::from(needed));
}
