use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

/// A lock for tests without other writers.
fn lock() -> Lock {
    Lock::try_now(tempfile::tempdir().unwrap().path()).unwrap()
}

fn save(path: &Path, content: &[u8]) -> Result<()> {
    Save::prepare(path, content.len(), &lock())?.finish(content)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

/// R38: file and directory are private, even if they were not before.
#[test]
fn a_saved_file_is_private() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a/b/file.json");
    save(&path, b"one").unwrap();
    assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    save(&path, b"two, longer").unwrap();
    assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
    assert_eq!(fs::read(&path).unwrap(), b"two, longer");
}

#[test]
fn unused_reserved_space_is_cut_off() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    Save::prepare(&path, 4096, &lock())
        .unwrap()
        .finish(b"short")
        .unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"short");
}

/// R44: a link is kept and its target replaced.
#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let root = tempfile::tempdir().unwrap();
    let (target, link) = (root.path().join("target"), root.path().join("link"));
    fs::write(&target, "old").unwrap();
    symlink(&target, &link).unwrap();
    save(&link, b"new").unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&target).unwrap(), b"new");
    fs::remove_file(&target).unwrap();
    assert!(save(&link, b"newer").is_err());
}

/// R44: a link to a file of another user is not followed.
#[test]
fn a_link_to_a_file_of_another_user_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (target, link) = (root.path().join("target"), root.path().join("link"));
    fs::write(&target, "theirs").unwrap();
    symlink(&target, &link).unwrap();
    // Only root can give a file away.
    if std::os::unix::fs::chown(&target, Some(54_321), None).is_ok() {
        let error = save(&link, b"ours").unwrap_err();
        assert!(error.to_string().contains("another user"), "{error}");
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
    }
}

#[test]
fn the_directory_of_a_links_target_is_left_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let (theirs, ours) = (root.path().join("theirs"), root.path().join("ours"));
    for directory in [&theirs, &ours] {
        fs::create_dir(directory).unwrap();
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(theirs.join("file"), "old").unwrap();
    symlink(theirs.join("file"), ours.join("file")).unwrap();
    save(&ours.join("file"), b"new").unwrap();
    assert_eq!(mode(&theirs), 0o755);
}

/// R101: the next save removes leftovers of a killed one.
#[test]
fn leftovers_of_a_killed_save_are_cleared() {
    let root = tempfile::tempdir().unwrap();
    let leftover = root.path().join(format!("{PREFIX}x"));
    fs::write(&leftover, "half").unwrap();
    drop(Save::prepare(&root.path().join("file"), 1, &lock()).unwrap());
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}
