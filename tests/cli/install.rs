//! The installer and the GitHub Action, with release files served from loopback.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

use tempfile::TempDir;

use crate::sandbox::{Ran, Sandbox, has_tools, ran};

const RELEASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.github/release");

/// The release files of this build, on a file server on loopback.
struct Release {
    files: TempDir,
    address: String,
}

impl Release {
    /// Packages the program under test; `None` if a tool of the scripts is missing.
    fn new(sandbox: &Sandbox) -> Option<Self> {
        if !has_tools(&["curl", "tar", "gzip", "sha256sum", "bash"]) {
            return None;
        }
        let files = TempDir::new().unwrap();
        let archive = packaged(sandbox).join(archive_name());
        fs::copy(archive, files.path().join(archive_name())).unwrap();
        let release = Self {
            address: serve(files.path().to_owned()),
            files,
        };
        release.write_checksums();
        Some(release)
    }

    fn archive(&self) -> PathBuf {
        self.files.path().join(archive_name())
    }

    fn write_checksums(&self) {
        let sums = Command::new("sha256sum")
            .arg(self.archive().file_name().unwrap())
            .current_dir(self.files.path())
            .output()
            .unwrap();
        fs::write(self.files.path().join("SHA256SUMS"), sums.stdout).unwrap();
    }

    fn install(&self, sandbox: &Sandbox) -> Ran {
        let installed = script("install.sh", sandbox)
            .env("AMIKA_DOWNLOAD_URL", &self.address)
            .output();
        ran(installed.unwrap())
    }
}

fn archive_name() -> String {
    format!("amika-{}-{}.tar.gz", env!("CARGO_PKG_VERSION"), target())
}

/// The directory with the archive of the program under test, packaged once for all tests.
fn packaged(sandbox: &Sandbox) -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("release");
        let packaged = script("package.sh", sandbox)
            .args([&target(), env!("CARGO_BIN_EXE_amika")])
            .arg(&directory)
            .output()
            .unwrap();
        assert!(packaged.status.success(), "{packaged:?}");
        directory
    })
}

fn installed_program(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".local/bin/amika")
}

/// The target that the installer selects on this machine.
fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

#[expect(clippy::disallowed_methods, reason = "the scripts call the system's tools")]
fn script(name: &str, sandbox: &Sandbox) -> Command {
    let mut command = Command::new(Path::new(RELEASE).join(name));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", sandbox.home());
    command
}

/// Serves the files of a directory until the tests end, and returns the URL.
fn serve(directory: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .for_each(drop);
            let path = request.split(' ').nth(1).unwrap().trim_start_matches('/');
            let (status, body) = match fs::read(directory.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            // The client may have closed the connection.
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&body));
        }
    });
    address
}

/// The archive is verified, its program run once and installed; it contains completions and man pages.
#[test]
fn the_installer_installs_a_verified_archive() {
    let sandbox = Sandbox::new();
    let Some(release) = Release::new(&sandbox) else {
        return;
    };
    release
        .install(&sandbox)
        .exits(0)
        .stdout_contains(&format!("Installed amika {}", env!("CARGO_PKG_VERSION")));
    let version = Command::new(installed_program(&sandbox))
        .arg("--version")
        .output();
    assert!(version.unwrap().status.success());

    let listed = Command::new("tar")
        .arg("-tzf")
        .arg(release.archive())
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for file in [
        "completions/amika.fish",
        "man/amika-secret-push.1",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
    ] {
        assert!(listed.contains(file), "no {file} in {listed}");
    }
}

/// An archive with one changed byte is refused, and the installed program is kept.
#[test]
fn the_installer_refuses_a_tampered_archive() {
    let sandbox = Sandbox::new();
    let Some(release) = Release::new(&sandbox) else {
        return;
    };
    sandbox.write(".local/bin/amika", "the old program");
    let mut archive = fs::read(release.archive()).unwrap();
    let middle = archive.len() / 2;
    archive[middle] ^= 1;
    fs::write(release.archive(), archive).unwrap();
    release.install(&sandbox).exits(1).stderr_contains("checksum");
    let kept = fs::read_to_string(installed_program(&sandbox)).unwrap();
    assert_eq!(kept, "the old program");
}

/// A checksum given by the caller takes precedence over the published one.
#[test]
fn the_installer_insists_on_the_expected_checksum() {
    let sandbox = Sandbox::new();
    let Some(release) = Release::new(&sandbox) else {
        return;
    };
    let refused = script("install.sh", &sandbox)
        .env("AMIKA_DOWNLOAD_URL", &release.address)
        .env("AMIKA_EXPECTED_SHA256", "0".repeat(64))
        .output();
    ran(refused.unwrap()).exits(1).stderr_contains("checksum");
    assert!(!installed_program(&sandbox).exists());
}

/// Nothing is downloaded over plain http from another machine.
#[test]
fn the_installer_downloads_only_over_https() {
    let sandbox = Sandbox::new();
    let refused = script("install.sh", &sandbox)
        .env("AMIKA_DOWNLOAD_URL", "http://releases.example.invalid")
        .output();
    ran(refused.unwrap())
        .exits(1)
        .stderr_contains("https")
        .stderr_contains("AMIKA_DOWNLOAD_URL");
}

/// A directory for `PATH` with the system's tools except `missing`.
fn tools_without(sandbox: &Sandbox, missing: &[&str]) -> PathBuf {
    let tools = sandbox.home().join("tools");
    fs::create_dir(&tools).unwrap();
    for directory in ["/bin", "/usr/bin"] {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            if !missing.iter().any(|tool| name == *tool) {
                // As in `PATH`, the first directory with a tool takes precedence.
                let _ = std::os::unix::fs::symlink(entry.path(), tools.join(name));
            }
        }
    }
    tools
}

/// A missing tool is reported, and nothing is installed.
#[test]
fn the_installer_names_the_tool_that_is_missing() {
    for (missing, named) in [
        (&["curl", "wget"][..], "neither curl nor wget is installed"),
        (
            &["sha256sum", "shasum"],
            "neither sha256sum nor shasum is installed",
        ),
        (&["tar"], "tar is not installed"),
    ] {
        let sandbox = Sandbox::new();
        let Some(release) = Release::new(&sandbox) else {
            return;
        };
        let installed = script("install.sh", &sandbox)
            .env("PATH", tools_without(&sandbox, missing))
            .env("AMIKA_DOWNLOAD_URL", &release.address)
            .output();
        let run = ran(installed.unwrap()).exits(1).stderr_contains(named);
        assert_eq!(run.stderr.matches("error:").count(), 1, "{}", run.stderr);
        assert!(!installed_program(&sandbox).exists());
    }
}

/// On a system without a release, the error suggests an alternative.
#[test]
fn the_installer_names_a_system_without_a_release() {
    for (system, machine, hint) in [
        ("FreeBSD", "x86_64", "there is no installer for FreeBSD"),
        ("MINGW64_NT-10.0", "x86_64", ".zip archive"),
        ("Linux", "riscv64", "cargo install amika --locked"),
    ] {
        let sandbox = Sandbox::new();
        let tools = tools_without(&sandbox, &["uname"]);
        let uname = format!("#!/bin/sh\n[ \"$1\" = -s ] && echo {system} || echo {machine}\n");
        let path = sandbox.write("tools/uname", uname);
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let refused = script("install.sh", &sandbox).env("PATH", tools).output();
        ran(refused.unwrap()).exits(1).stderr_contains(hint);
    }
}

/// A directory that cannot be written to is reported with a hint.
#[test]
fn the_installer_names_a_directory_that_it_cannot_write_to() {
    let sandbox = Sandbox::new();
    let Some(release) = Release::new(&sandbox) else {
        return;
    };
    let file = sandbox.write("file", "");
    let refused = script("install.sh", &sandbox)
        .env("AMIKA_DOWNLOAD_URL", &release.address)
        .env("AMIKA_INSTALL_DIR", file.join("bin"))
        .output();
    ran(refused.unwrap())
        .exits(1)
        .stderr_contains("nothing was installed")
        .stderr_contains("AMIKA_INSTALL_DIR");
}

/// The action installs the release to which it belongs.
#[test]
fn the_action_installs_its_own_version() {
    let action = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).unwrap();
    let input = action.split("\n  version:\n").nth(1).unwrap();
    let input = input.split("\n  sha256:").next().unwrap();
    let default = format!("    default: {}", env!("CARGO_PKG_VERSION"));
    assert!(input.lines().any(|line| line == default), "{input}");
    assert!(!input.contains("required"), "{input}");
}

/// Runs the push step of the action with these inputs. `amika` is replaced by a program that prints
/// its arguments.
fn action_push(sandbox: &Sandbox, inputs: &[(&str, &str)]) -> Ran {
    let amika = sandbox.write("amika", "#!/bin/sh\nprintf '<%s>' \"$@\"\n");
    fs::set_permissions(&amika, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut push = script("action-push.sh", sandbox);
    push.env("AMIKA", amika)
        .env("INPUT_SCOPE", "org")
        .env("INPUT_API_KEY", "")
        .env("INPUT_STRICT", "false")
        .env("INPUT_DRY_RUN", "false")
        .env("APP_A", "value-of-a")
        .env("APP_B", "value-of-b")
        .env("DATABASE_URL", "value-of-c")
        .envs(inputs.iter().copied());
    ran(push.output().unwrap())
}

/// The names may be on separate lines, and each of them is masked and pushed.
#[test]
fn the_action_takes_names_on_several_lines() {
    if !has_tools(&["bash"]) {
        return;
    }
    let sandbox = Sandbox::new();
    for names in [
        "DATABASE_URL,APP_*",
        "DATABASE_URL\nAPP_*\n",
        "DATABASE_URL\r\nAPP_A, APP_B\r\n",
        "\n  DATABASE_URL,\n  APP_*\n",
    ] {
        let ran = action_push(&sandbox, &[("INPUT_SECRETS", names)]).exits(0);
        for value in ["value-of-a", "value-of-b", "value-of-c"] {
            let mask = format!("::add-mask::{value}");
            assert!(ran.stdout.lines().any(|line| line == mask), "{names:?}: {ran:?}");
        }
        let call = ran.stdout.lines().find(|line| line.starts_with('<')).unwrap();
        let call: Vec<_> = call.trim_matches(['<', '>']).split("><").collect();
        assert_eq!(call[..3], ["secret", "push", "--from-env"]);
        assert_eq!(call[4..], ["--scope", "org", "--yes", "-o", "json"]);
        // The real program accepts the names in this form.
        let mut push = sandbox.command(["secret", "push", "--yes", "--from-env", call[3]]);
        push.envs([("DATABASE_URL", "1"), ("APP_A", "2"), ("APP_B", "3")]);
        let pushed = crate::sandbox::ran(push.output().unwrap()).exits(0);
        pushed.stdout_contains(" 3 in user scope");
    }
}

/// Switches must be true or false, because a misspelt value could cause a write.
#[test]
fn the_action_refuses_unknown_values_of_its_switches() {
    if !has_tools(&["bash"]) {
        return;
    }
    let sandbox = Sandbox::new();
    for (strict, dry_run, added) in [
        ("true", "false", "<json><--strict>"),
        ("", "true", "<json><--dry-run>"),
        ("true", "true", "<json><--strict><--dry-run>"),
        ("false", "", "<json>\n"),
    ] {
        let inputs = [
            ("INPUT_SECRETS", "APP_A"),
            ("INPUT_STRICT", strict),
            ("INPUT_DRY_RUN", dry_run),
        ];
        action_push(&sandbox, &inputs).exits(0).stdout_contains(added);
    }
    for input in ["INPUT_STRICT", "INPUT_DRY_RUN"] {
        let ran = action_push(&sandbox, &[("INPUT_SECRETS", "APP_A"), (input, "yes")]).exits(2);
        assert!(ran.stdout.contains("::error::the input ") && !ran.stdout.contains("<secret>"));
    }
}

/// The action masks each line of each value before the push, and outputs the JSON report.
#[test]
fn the_action_masks_what_it_pushes() {
    let sandbox = Sandbox::new();
    if !has_tools(&["bash"]) {
        return;
    }
    let output = sandbox.write("output", "");
    let pushed = script("action-push.sh", &sandbox)
        .env("AMIKA", env!("CARGO_BIN_EXE_amika"))
        .env("AMIKA_API_URL", sandbox.vault.origin())
        .env("AMIKA_KEYCHAIN", "off")
        .env("GITHUB_OUTPUT", &output)
        .env("INPUT_SECRETS", "APP_KEY, APP_PEM")
        .env("INPUT_SCOPE", "user")
        .env("INPUT_API_KEY", crate::support::vault::API_KEY)
        .env("INPUT_STRICT", "true")
        .env("INPUT_DRY_RUN", "false")
        .env("APP_KEY", "one-line 100%")
        .env("APP_PEM", "first\nsecond")
        .env("OTHER", "not-named")
        .output()
        .unwrap();
    let text = String::from_utf8(pushed.stdout).unwrap();
    assert!(
        pushed.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&pushed.stderr)
    );
    for mask in ["one-line 100%25", "first", "second"] {
        assert!(
            text.lines().any(|line| line == format!("::add-mask::{mask}")),
            "{text}"
        );
    }
    assert!(!text.contains("not-named"), "{text}");
    let report = fs::read_to_string(output).unwrap();
    assert!(report.contains("\"created\":2"), "{report}");
}
