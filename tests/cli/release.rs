//! The scripts of a release that the workflow runs: notes, manifests, publishing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::install::script;
use crate::sandbox::{Ran, Sandbox, has_tools, ran};

/// A repository with this changelog, and what `notes.sh` says of version 0.1.1 of it.
fn notes(changelog: &str) -> Ran {
    let sandbox = Sandbox::new();
    sandbox.write("Cargo.toml", "[package]\nversion = \"0.1.1\"\n");
    sandbox.write("action.yml", "inputs:\n  version:\n    default: 0.1.1\n");
    sandbox.write("CHANGELOG.md", changelog);
    let place = sandbox.write(".github/release/notes.sh", "");
    fs::copy(script("notes.sh", &sandbox).get_program(), &place).unwrap();
    let mut notes = std::process::Command::new("bash");
    ran(notes.arg(place).arg("0.1.1").output().unwrap())
}

/// The notes are those of exactly this version, which has a date.
#[test]
fn a_release_has_the_notes_of_its_version() {
    let run = notes(
        "# Changelog\n\n## 0.1.10 - 2027-03-01\n\nTen.\n\n## 0.1.1 - 2027-01-01\n\nOne.\n\n## 0.1.0 - 2026-12-01\n\nZero.\n",
    );
    assert_eq!(run.exits(0).stdout.trim(), "One.");
    for wrong in [
        "## 0.1.10 - 2027-03-01\n\nTen.\n",
        "## 0.1.1 - unreleased\n\nOne.\n",
        "## 0.1.1\n\nOne.\n",
        "## 0.1.1 - 2027-01-01\n\n## 0.1.0 - 2026-12-01\n\nZero.\n",
        "## 0.1.1 - 2027-01-01\n\nOne.\n\n## 0.1.1 - 2027-01-02\n\nAgain.\n",
    ] {
        notes(wrong).exits(1).stderr_contains("error: CHANGELOG.md");
    }
}

/// Without one of the six archives, there is no checksum, formula or manifest.
#[test]
fn manifests_need_every_archive() {
    if !has_tools(&["python3"]) {
        return;
    }
    let sandbox = Sandbox::new();
    for target in [
        "aarch64-apple-darwin.tar.gz",
        "aarch64-unknown-linux-musl.tar.gz",
        "aarch64-pc-windows-msvc.zip",
        "x86_64-apple-darwin.tar.gz",
        "x86_64-pc-windows-msvc.zip",
    ] {
        sandbox.write(&format!("dist/amika-0.1.1-{target}"), "an archive");
    }
    let manifests = |version: &str| {
        let mut manifests = script("manifests.py", &sandbox);
        manifests.arg(version).arg(sandbox.home().join("dist"));
        ran(manifests.output().unwrap())
    };
    manifests("0.1.1")
        .exits(1)
        .stderr_contains("missing ['amika-0.1.1-x86_64-unknown-linux-musl.tar.gz']");
    // Archives of another version are not taken for this one's.
    sandbox.write("dist/amika-0.1.1-x86_64-unknown-linux-musl.tar.gz", "");
    manifests("0.1.10").exits(1).stderr_contains("missing");
    assert_eq!(fs::read_dir(sandbox.home().join("dist")).unwrap().count(), 6);
}

/// Programs that stand for those that publish: each notes its call, and what was published; npm fails
/// once, with the second package.
const FAKE: &str = r#"#!/bin/sh
echo "$(basename "$0") $*" >>"$STATE/calls"
case "$(basename "$0") $*" in
  "gh release view"*) cat "$STATE/release" ;;
  "gh release create"*) echo true >"$STATE/release" ;;
  "gh release edit"*) echo false >"$STATE/release" ;;
  "cargo info"*) test -e "$STATE/crate" ;;
  "cargo publish"*) touch "$STATE/crate" ;;
  "npm view"*) cat "$STATE/$(basename "${2%@*}")" ;;
  "npx"*linux*) if [ -e "$STATE/failed" ]; then echo 0.1.1 >"$STATE/amika-linux-x64"; else touch "$STATE/failed"; exit 1; fi ;;
  "npx"*darwin*) echo 0.1.1 >"$STATE/amika-darwin-x64" ;;
  "npx"*) echo 0.1.1 >"$STATE/amika" ;;
esac
"#;

/// After a failure the same run continues where it stopped, and nothing is public before all is done.
#[test]
fn publishing_again_continues() {
    if !has_tools(&["bash", "npm"]) {
        return;
    }
    let sandbox = Sandbox::new();
    for program in ["gh", "cargo", "npm", "npx"] {
        let path = sandbox.write(&format!("programs/{program}"), FAKE);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for package in ["amika", "amika-linux-x64", "amika-darwin-x64"] {
        sandbox.write(&format!("dist/npm/amika-dev-{package}-0.1.1.tgz"), "");
    }
    sandbox.write("calls", "");
    let place = |name: &str| sandbox.home().join(name);
    let publish = |step: &str| {
        let mut publish = script("publish.sh", &sandbox);
        publish
            .args([step, "0.1.1"])
            .arg(place("dist"))
            .env("PATH", format!("{}:/usr/bin:/bin", place("programs").display()))
            .env("STATE", sandbox.home());
        ran(publish.output().unwrap())
    };
    let calls = || fs::read_to_string(place("calls")).unwrap();
    fs::write(place("release"), "true\n").unwrap();
    publish("draft").exits(0);
    publish("crate").exits(0);
    publish("npm").exits(1);
    assert!(!calls().contains("gh release edit"), "{}", calls());
    // The package that depends on the others is not published before them.
    assert!(!place("amika").exists());

    fs::write(place("calls"), "").unwrap();
    for step in ["draft", "crate", "npm", "public"] {
        publish(step).exits(0);
    }
    let again = calls();
    assert!(!again.contains("cargo publish"), "{again}");
    assert_eq!(again.matches("npx").count(), 2, "{again}");
    assert!(again.contains("gh release edit v0.1.1 --draft=false"), "{again}");
    // Once it is public, nothing is changed any more.
    fs::write(place("calls"), "").unwrap();
    for step in ["draft", "crate", "npm", "public"] {
        publish(step).exits(0);
    }
    for change in ["upload", "edit", "create", "cargo publish", "npx"] {
        assert!(!calls().contains(change), "{}", calls());
    }
}

/// `cargo info` in a checkout knows the package of the checkout, which says nothing about the registry.
#[test]
fn the_version_of_this_checkout_is_not_taken_for_published() {
    if !has_tools(&["bash"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let cargo =
        "#!/bin/sh\n[ \"$1\" != info ] || exec \"$CARGO\" \"$@\" --offline\necho \"$*\" >\"$STATE/calls\"\n";
    let path = sandbox.write("programs/cargo", cargo);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    let place = |name: &str| sandbox.home().join(name);
    let mut publish = script("publish.sh", &sandbox);
    publish
        .args(["crate", env!("CARGO_PKG_VERSION")])
        .arg(sandbox.home())
        .env("PATH", format!("{}:/usr/bin:/bin", place("programs").display()))
        .env("CARGO", env!("CARGO"))
        .env("STATE", sandbox.home());
    ran(publish.output().unwrap()).exits(0);
    let calls = fs::read_to_string(place("calls")).unwrap();
    assert!(calls.starts_with("publish "), "{calls}");
}

/// The licences that the notices may contain are those that the dependencies may have.
#[test]
fn both_lists_of_licences_agree() {
    let read = |file: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let list = |text: &str, key: &str| -> Vec<String> {
        let list = text.split_once(&format!("\n{key} = [")).unwrap().1;
        let list = list.split_once(']').unwrap().0;
        list.lines()
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect()
    };
    let deny = read("deny.toml");
    let mut allowed = list(&deny, "allow");
    // The one package with another licence.
    allowed.push("\"MPL-2.0\",".to_owned());
    let mut accepted = list(&read(".github/release/about.toml"), "accepted");
    allowed.sort();
    accepted.sort();
    assert_eq!(accepted, allowed);
}

/// Nothing that is linked is written in C but `ring`, and no second TLS implementation is there.
#[test]
fn ring_is_the_only_library_in_c() {
    // Of this machine's target, because Cargo has downloaded the packages of no other.
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--offline",
            "--filter-platform",
            &target,
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let linked = packages.iter().filter(|package| !package["links"].is_null());
    let names: Vec<_> = linked.map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ring"]);
}
