//! The release files: the archive, and the installer with a release served over https from loopback.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use tempfile::TempDir;

use crate::proxy::{head, listen};
use crate::sandbox::{Ran, Sandbox, around, has_tools, ran, skip};
use crate::tls::certificate;

const RELEASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.github/release");

/// The release files of this build, on a file server on loopback.
struct Release {
    files: TempDir,
    server: Server,
}

impl Release {
    /// Packages the program under test; `None` if a tool of the scripts is missing.
    fn new(sandbox: &Sandbox) -> Option<Self> {
        if !has_tools(&["curl", "tar", "gzip", "sha256sum", "python3"]) {
            return None;
        }
        let files = TempDir::new().unwrap();
        let archive = packaged(sandbox).join(archive_name());
        fs::copy(archive, files.path().join(archive_name())).unwrap();
        let release = Self {
            server: Server::start(sandbox, Answer::Files(files.path().to_owned())),
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
        ran(self.installer(sandbox).output().unwrap())
    }

    fn installer(&self, sandbox: &Sandbox) -> Command {
        self.server.installer(sandbox)
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
        let packaged = script("package.py", sandbox)
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
pub(crate) fn script(name: &str, sandbox: &Sandbox) -> Command {
    let mut command = Command::new(Path::new(RELEASE).join(name));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", sandbox.home())
        .current_dir(sandbox.home());
    command
}

enum Answer {
    Files(PathBuf),
    RedirectTo(String),
}

/// An https server that ends with the tests.
struct Server {
    address: String,
    certificate: PathBuf,
}

impl Server {
    fn start(sandbox: &Sandbox, answer: Answer) -> Self {
        let (certificate, key) = certificate(&["localhost"]);
        let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private.into());
        let config = Arc::new(config.unwrap());
        let address = listen(move |stream| {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let request = head(&mut stream);
            let Some(path) = request.first().and_then(|line| line.split(' ').nth(1)) else {
                return;
            };
            let (status, body) = match &answer {
                Answer::RedirectTo(url) => (format!("302 Found\r\nlocation: {url}{path}"), Vec::new()),
                Answer::Files(directory) => match fs::read(directory.join(&path[1..])) {
                    Ok(body) => ("200 OK".to_owned(), body),
                    Err(_) => ("404 Not Found".to_owned(), Vec::new()),
                },
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            // The client may have closed the connection.
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&body));
            stream.conn.send_close_notify();
            let _ = stream.flush();
        });
        Self {
            address: format!("https://localhost:{}", address.port()),
            certificate: sandbox.write("server.pem", certificate.pem()),
        }
    }

    fn installer(&self, sandbox: &Sandbox) -> Command {
        let mut installer = script("install.sh", sandbox);
        installer
            .env("AMIKA_DOWNLOAD_URL", &self.address)
            .env("CURL_CA_BUNDLE", &self.certificate);
        installer
    }
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
    let refused = release
        .installer(&sandbox)
        .env("AMIKA_EXPECTED_SHA256", "0".repeat(64))
        .output();
    ran(refused.unwrap()).exits(1).stderr_contains("checksum");
    assert!(!installed_program(&sandbox).exists());
}

/// Nothing is downloaded over plain http, not even from this machine or after a redirect.
#[test]
fn the_installer_downloads_only_over_https() {
    let sandbox = Sandbox::new();
    if !has_tools(&["curl"]) {
        return;
    }
    let plain = listen(|_| panic!("a connection without TLS"));
    let plain = format!("http://{plain}");
    let redirecting = Server::start(&sandbox, Answer::RedirectTo(plain.clone()));
    let direct = script("install.sh", &sandbox)
        .env("AMIKA_DOWNLOAD_URL", &plain)
        .output();
    for refused in [direct, redirecting.installer(&sandbox).output()] {
        ran(refused.unwrap())
            .exits(1)
            .stderr_contains("AMIKA_DOWNLOAD_URL takes an https address");
    }
}

/// A directory in the place of the program is kept, and so is everything in it.
#[test]
fn the_installer_names_a_directory_in_the_way() {
    let sandbox = Sandbox::new();
    let Some(release) = Release::new(&sandbox) else {
        return;
    };
    sandbox.write(".local/bin/amika/file", "");
    release
        .install(&sandbox)
        .exits(1)
        .stderr_contains(".local/bin/amika is a directory; nothing was installed");
    let kept: Vec<_> = fs::read_dir(installed_program(&sandbox)).unwrap().collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
}

/// Another program of this name that a shell would run first is named, and so is the way to remove the new one.
#[test]
fn the_installer_names_another_amika_in_the_path() {
    let sandbox = Sandbox::new();
    let Some(release) = Release::new(&sandbox) else {
        return;
    };
    let other = sandbox.write("other's/amika", "#!/bin/sh\n");
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    let install_to = |directory: &str, path: &str| {
        let mut installer = release.installer(&sandbox);
        installer
            .env("AMIKA_INSTALL_DIR", directory)
            .env("PATH", format!("{path}:/usr/bin:/bin"));
        ran(installer.output().unwrap()).exits(0)
    };
    let own = sandbox.home().join("own's").display().to_string();
    let others = other.parent().unwrap().display().to_string();
    install_to(&own, &format!("{others}:{own}"))
        .stdout_contains(&format!("Another amika is found first: {}", other.display()));
    let alone = install_to(&own, &own);
    assert!(!alone.stdout.contains("Another"), "{alone:?}");
    // The printed command removes the program, though its path has a quote.
    let remove = alone.stdout.rsplit_once("; rm ").unwrap().1;
    let removed = Command::new("sh").args(["-c", &format!("rm {remove}")]).status();
    assert!(removed.unwrap().success());
    assert!(!Path::new(&own).join("amika").exists());
    // A directory that is not in the path is named with the line that adds it.
    let outside = install_to(&own, "/usr/bin");
    let line = outside.stdout.split_once("Add it to your PATH: ").unwrap().1;
    let line = line.lines().next().unwrap();
    let found = Command::new("sh")
        .args(["-c", &format!("{line}; command -v amika")])
        .output();
    assert_eq!(
        String::from_utf8(found.unwrap().stdout).unwrap().trim(),
        format!("{own}/amika")
    );
}

/// The program is tried where it will be, because nothing can be run from some temporary directories.
#[test]
fn the_installer_works_with_a_temporary_directory_that_forbids_programs() {
    let sandbox = Sandbox::new();
    let Some(release) = Release::new(&sandbox) else {
        return;
    };
    let installer = release.installer(&sandbox);
    fs::create_dir(sandbox.home().join("no-programs")).unwrap();
    let mounted = "mount -t tmpfs -o noexec none no-programs && exec \"$0\"";
    let mut inside = around(&installer, "unshare", &["--mount", "sh", "-c", mounted]);
    inside.env("TMPDIR", sandbox.home().join("no-programs"));
    let run = ran(inside.output().unwrap());
    if run.stderr.contains("unshare:") || run.stderr.contains("mount:") {
        return skip("no file system can be mounted here");
    }
    run.exits(0).stdout_contains("Installed amika");
}

/// The archive is the same however often it is made.
#[test]
fn the_archive_is_reproducible() {
    let sandbox = Sandbox::new();
    let Some(release) = Release::new(&sandbox) else {
        return;
    };
    let again = sandbox.home().join("again");
    let packaged = script("package.py", &sandbox)
        .args([&target(), env!("CARGO_BIN_EXE_amika")])
        .arg(&again)
        .output()
        .unwrap();
    assert!(packaged.status.success(), "{packaged:?}");
    let same = fs::read(again.join(archive_name())).unwrap() == fs::read(release.archive()).unwrap();
    assert!(same, "the archives differ");
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
        (&["curl"][..], "curl is not installed"),
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
        let installed = release
            .installer(&sandbox)
            .env("PATH", tools_without(&sandbox, missing))
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
        ("MINGW64_NT-10.0", "x86_64", "irm https://"),
        ("Linux", "riscv64", "cargo install amika --locked"),
    ] {
        let sandbox = Sandbox::new();
        let tools = tools_without(&sandbox, &["uname"]);
        let uname = format!("#!/bin/sh\n[ \"$1\" = -s ] && echo {system} || echo {machine}\n");
        let path = sandbox.write("tools/uname", uname);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
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
    let refused = release
        .installer(&sandbox)
        .env("AMIKA_INSTALL_DIR", file.join("bin"))
        .output();
    ran(refused.unwrap())
        .exits(1)
        .stderr_contains("nothing was installed")
        .stderr_contains("AMIKA_INSTALL_DIR");
}
