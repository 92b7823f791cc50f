//! `amika secret list` and `amika secret delete`.

use crate::sandbox::Sandbox;
use crate::support::faults::{Behaviour, Fault};
use serde_json::json;

#[test]
fn list_shows_names_and_never_values() {
    let sandbox = Sandbox::new();
    sandbox.run("secret list").exits(0).stdout_contains("No secrets");
    assert_eq!(sandbox.run("secret list -o json").exits(0).json(), json!([]));
    sandbox.vault.seed("B", "x", "user");
    sandbox.vault.seed("A", "x", "org");
    let ran = sandbox.run("secret ls").exits(0);
    insta::assert_snapshot!(ran.stdout, @r"
    NAME  SCOPE  UPDATED               ID
    A     org    2026-11-23T12:00:00Z  sec_0002
    B     user   2026-11-23T12:00:00Z  sec_0001
    ");
    let ran = sandbox.run("secrets list --scope org -o json").exits(0);
    assert_eq!(ran.json().as_array().unwrap().len(), 1);
}

/// R94: hostile characters in names are escaped.
#[test]
fn hostile_names_are_escaped() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A\u{1b}[2J\n\u{202e}x", "x", "user");
    sandbox
        .run("secret list")
        .exits(0)
        .stdout_contains("A\\u{1b}[2J\\n\\u{202e}x");
}

/// A description is a column of its own where there is one.
#[test]
fn a_description_is_listed() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A", "x", "user");
    sandbox.vault.seed("B", "x", "user");
    sandbox.run("secret edit B --description staging").exits(0);
    let ran = sandbox.run("secret list").exits(0);
    insta::assert_snapshot!(ran.stdout, @r"
    NAME  SCOPE  UPDATED               ID        DESCRIPTION
    A     user   2026-11-23T12:00:00Z  sec_0001
    B     user   2026-11-23T12:00:00Z  sec_0002  staging
    ");
}

#[test]
fn edit_changes_the_name_and_the_description_but_no_value() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("OLD", "c4n4ry", "user");
    sandbox.vault.seed("OLD", "other", "org");
    let ran = sandbox
        .run("secret edit OLD --rename NEW --description note -o json")
        .exits(0);
    let row = ran.json();
    assert_eq!(
        (&row["name"], &row["description"]),
        (&json!("NEW"), &json!("note"))
    );
    assert_eq!(row["id"], "sec_0001");
    let sent = sandbox.vault.requests().pop().unwrap();
    assert_eq!(
        (sent.method.as_str(), sent.path.rsplit('/').next()),
        ("PUT", Some("sec_0001"))
    );
    let sent: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(sent, json!({ "name": "NEW", "description": "note" }));
    assert_eq!(sandbox.vault.value("NEW", "user").as_deref(), Some("c4n4ry"));
    assert_eq!(sandbox.vault.value("OLD", "org").as_deref(), Some("other"));
    // An empty description removes it, and an ID chooses in any scope.
    sandbox.run_with("secret edit --id sec_0001", "").exits(2);
    let mut command = sandbox.command(["secret", "edit", "NEW", "--description", ""]);
    ran_ok(&mut command);
    assert_eq!(sandbox.vault.stored("generic")[0].description, None);
    sandbox.run("secret edit --id sec_0002 --rename TEAM").exits(0);
    assert!(sandbox.vault.value("TEAM", "org").is_some());
}

fn ran_ok(command: &mut std::process::Command) {
    crate::sandbox::ran(command.output().unwrap()).exits(0);
}

/// A name that is absent, taken, or there twice is refused, and nothing is sent.
#[test]
fn edit_refuses_what_is_not_certain() {
    let sandbox = Sandbox::new();
    for (name, scope) in [
        ("A", "user"),
        ("B", "user"),
        ("TWICE", "user"),
        ("TWICE", "user"),
        ("T", "org"),
    ] {
        sandbox.vault.seed(name, "x", scope);
    }
    for (line, code, said) in [
        (
            "NONE --rename X",
            1,
            "there is no secret NONE; nothing was changed",
        ),
        (
            "A --rename B",
            1,
            "B exists already in user scope; nothing was changed",
        ),
        (
            "TWICE --rename X",
            1,
            "there are 2 secrets TWICE in user scope (sec_0003, sec_0004)",
        ),
        ("T --rename X", 1, "T is in org scope only; nothing was changed"),
        (
            "--id sec_none --rename X",
            1,
            "there is no secret of this name or ID",
        ),
        ("--id a/b --rename X", 2, "not a valid ID"),
        ("A", 2, "--rename <NEW>"),
        ("--rename X", 2, "<NAME>"),
        ("A --rename a=b", 4, "not a valid secret name"),
    ] {
        sandbox
            .run(&format!("secret edit {line}"))
            .exits(code)
            .stderr_contains(said);
    }
    assert_eq!(sandbox.vault.count("PUT"), 0);
    sandbox
        .run("secret edit A --rename A --description same")
        .exits(0);
    sandbox.run("secret edit T --scope org --rename T2").exits(0);
}

#[test]
fn delete_resolves_the_name_in_its_scope() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A", "x", "user");
    sandbox.vault.seed("A", "y", "org");
    sandbox
        .run("secret delete A --yes")
        .exits(0)
        .stdout_contains("Deleted A");
    assert_eq!(sandbox.vault.value("A", "user"), None);
    assert!(sandbox.vault.value("A", "org").is_some());
    let ran = sandbox.run("secret rm A --scope org --yes -o json").exits(0);
    assert_eq!(ran.json(), json!([{ "name": "A", "status": "deleted" }]));
}

/// R107: a name that only the other scope has is refused, and nothing is deleted.
#[test]
fn a_name_in_the_other_scope_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A", "y", "org");
    sandbox.vault.seed("B", "y", "user");
    sandbox
        .vault
        .seed_credential("claude", "Team", "api_key", "org", "old");
    for line in ["secret delete B A", "secret claude delete --name Team"] {
        let ran = sandbox.run(&format!("{line} --yes")).exits(1);
        assert_eq!(ran.stdout, "");
        ran.stderr_contains(
            "is in org scope only; nothing was changed\n  hint: to choose it there, add --scope org",
        );
    }
    assert_eq!(sandbox.vault.count("DELETE"), 0);
    // The command that the hint suggests.
    sandbox.run("secret delete A --scope org --yes").exits(0);
    sandbox
        .run("secret claude delete --name Team --scope org --yes")
        .exits(0);
    assert!(sandbox.vault.value("A", "org").is_none() && sandbox.vault.stored("claude").is_empty());
}

/// R107: a pattern deletes nothing.
#[test]
fn a_pattern_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("DB_URL", "x", "user");
    for pattern in ["DB_*", "*", "DB_UR?"] {
        sandbox
            .run(&format!("secret delete {pattern} --yes"))
            .exits(2)
            .stderr_contains(&format!("\"{pattern}\" is a pattern"));
    }
    // R17: one with a key is not repeated.
    let run = sandbox
        .run("secret delete sk-ant-api03-c4n4ry0123456789* --yes")
        .exits(2);
    assert!(!run.stderr.contains("c4n4ry"), "{run:?}");
    assert_eq!(sandbox.vault.count("DELETE"), 0);
}

/// R107: a name that is nowhere is no failure; similar ones are listed, and no command is suggested.
#[test]
fn similar_names_are_listed() {
    let sandbox = Sandbox::new();
    let id = sandbox.vault.seed("DATABASE_URL", "x", "user");
    let team = sandbox.vault.seed("TEAM_KEY", "x", "org");
    let database = format!("; stored: {id}: DATABASE_URL, user scope");
    for (typed, similar) in [
        ("database_url", database.clone()),
        ("DATABSE_URL", database.clone()),
        ("TEAM_KEYS", format!("; stored: {team}: TEAM_KEY, org scope")),
        ("OTHER", String::new()),
        (&id, database),
    ] {
        let ran = sandbox.run(&format!("secret delete {typed} --yes")).exits(0);
        assert_eq!(
            ran.stdout,
            format!("{typed}: already deleted, or never stored{similar}\n")
        );
        assert_eq!(ran.stderr, "");
    }
    assert_eq!(sandbox.vault.count("DELETE"), 0);
}

#[test]
fn delete_is_confirmed() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A", "x", "user");
    sandbox
        .run_with("secret delete A", "n\n")
        .exits(1)
        .stderr_contains(&format!(
            "Delete 1 secret (A) in user scope of the API key from AMIKA_API_KEY on {}? [y/N]",
            sandbox.vault.origin()
        ));
    sandbox.run("secret delete A").exits(2).stderr_contains("--yes");
    sandbox.run_with("secret delete A", "y\n").exits(0);
}

#[test]
fn delete_by_id_refuses_ids_that_reach_elsewhere() {
    let sandbox = Sandbox::new();
    let id = sandbox.vault.seed("A", "x", "user");
    sandbox.run(&format!("secret delete --id {id} --yes")).exits(0);
    sandbox.vault.seed("B", "x", "user");
    let before = sandbox.vault.requests().len();
    for id in ["../x", "claude", "a/b", "a?b", "a#b"] {
        sandbox.run(&format!("secret delete --id {id} --yes")).exits(2);
    }
    assert_eq!(sandbox.vault.requests().len(), before);
    sandbox.run("secret delete --id %2e%2e --yes").exits(0);
    assert!(
        sandbox
            .vault
            .requests()
            .iter()
            .any(|seen| seen.path.ends_with("/secrets/%252e%252e"))
    );
}

/// R74: the error for a server without the endpoint says so.
#[test]
fn a_server_without_the_delete_endpoint_is_explained() {
    for fault in [
        Fault::on("DELETE", "").fails(405, "no"),
        Fault::on("DELETE", "").fails(501, "no"),
        Fault::on("DELETE", "").html(404),
    ] {
        let sandbox = Sandbox::new();
        sandbox.vault.seed("A", "x", "user");
        sandbox.vault.seed_credential("claude", "B", "oauth", "user", "x");
        sandbox.vault.fault(fault.always());
        sandbox
            .run("secret delete A --yes")
            .exits(1)
            .stderr_contains("this server cannot delete generic secrets")
            .stderr_contains("web UI");
        let run = sandbox.run("secret claude delete sec_0002 --yes");
        assert!(!run.stderr.contains("generic secrets"), "{}", run.stderr);
    }
}

/// R74: a repeated delete that finds nothing counts as deleted.
#[test]
fn a_delete_whose_reply_was_lost_counts_as_done() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A", "x", "user");
    sandbox
        .vault
        .fault(Fault::on("DELETE", "").does(Behaviour::ResetAfter));
    sandbox
        .run("secret delete A --yes")
        .exits(0)
        .stdout_contains("Deleted A");
    sandbox
        .run("secret delete --id gone --yes")
        .exits(0)
        .stdout_contains("gone: already deleted");
}

/// R74: after a lost reply, only a 404 of the API itself confirms the deletion: a server without the endpoint
/// replies with a 404, too.
#[test]
fn a_delete_whose_reply_was_lost_is_not_confirmed_by_a_page() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A", "x", "user");
    for fault in [
        Fault::on("DELETE", "").fails(502, "no"),
        Fault::on("DELETE", "").html(404),
    ] {
        sandbox.vault.fault(fault);
    }
    let run = sandbox
        .run("secret delete A --yes")
        .exits(5)
        .stderr_contains("may or may not have been deleted");
    assert!(run.stdout.is_empty(), "{}", run.stdout);
}

/// R107: a missing secret is not a failure, a refusal does not stop the others, and duplicate names
/// count once.
#[test]
fn delete_again_after_a_refusal_converges() {
    let sandbox = Sandbox::new();
    for name in ["A", "B", "C"] {
        sandbox.vault.seed(name, "x", "user");
    }
    sandbox
        .vault
        .fault(Fault::on("DELETE", "/sec_0002").fails(403, "no"));
    let run = sandbox
        .run("secret delete A B C A --yes")
        .exits(5)
        .stdout_contains("Deleted A\nDeleted C")
        .stderr_contains("deleting B: not allowed (403)");
    assert!(!run.stderr.contains("may or may not"), "{}", run.stderr);
    assert_eq!(sandbox.vault.count("DELETE"), 3);
    let again = sandbox.run("secret delete A B C A --yes -o json").exits(0).json();
    assert_eq!(
        again,
        json!([
            { "name": "A", "status": "already deleted" },
            { "name": "B", "status": "deleted" },
            { "name": "C", "status": "already deleted" },
        ])
    );
    // Nothing is left to confirm.
    sandbox
        .run_with("secret delete A B C", "")
        .exits(0)
        .stdout_contains("A: already deleted");
}

/// R73, R107: after a refusal that every other request would meet, too, no more are sent.
#[test]
fn nothing_more_is_deleted_after_the_key_is_rejected() {
    let sandbox = Sandbox::new();
    for name in ["A", "B"] {
        sandbox.vault.seed(name, "x", "user");
    }
    sandbox
        .vault
        .fault(Fault::on("DELETE", "").fails(401, "no").always());
    sandbox.run("secret delete A B --yes").exits(3);
    assert_eq!(sandbox.vault.count("DELETE"), 1);
}

/// R107: for two secrets with the same name and scope, both ids are listed and one must be chosen.
#[test]
fn two_entries_of_one_name_need_an_id() {
    let sandbox = Sandbox::new();
    let ids = [(); 2].map(|()| sandbox.vault.seed("A", "x", "user"));
    sandbox
        .run("secret delete A --yes")
        .exits(1)
        .stderr_contains(&ids[0])
        .stderr_contains(&ids[1])
        .stderr_contains("--id");
    assert_eq!(sandbox.vault.count("DELETE"), 0);
    sandbox
        .run(&format!("secret delete --id {} --yes", ids[1]))
        .exits(0);
    assert_eq!(sandbox.vault.stored("generic").len(), 1);
    for _ in 0..2 {
        sandbox
            .vault
            .seed_credential("claude", "Team", "oauth", "user", "x");
    }
    sandbox
        .run("secret claude delete --name Team")
        .exits(1)
        .stderr_contains("nothing was changed");
}

/// R108: a DELETE whose reply was lost and whose retry is refused may have been carried out.
#[test]
fn a_delete_refused_after_a_lost_reply_is_unknown() {
    for status in [400, 403, 405, 501] {
        for line in ["secret delete A --yes", "secret claude delete sec_0002"] {
            let sandbox = Sandbox::new();
            sandbox.vault.seed("A", "x", "user");
            sandbox.vault.seed_credential("claude", "B", "oauth", "user", "x");
            sandbox
                .vault
                .fault(Fault::on("DELETE", "").does(Behaviour::ResetAfter));
            sandbox.vault.fault(Fault::on("DELETE", "").fails(status, "no"));
            let run = sandbox
                .run(line)
                .exits(5)
                .stderr_contains("it may or may not have been deleted");
            assert!(!run.stderr.contains("cannot delete"), "{}", run.stderr);
        }
    }
}

/// R77: an HTML page with status 200 does not confirm a DELETE.
#[test]
fn an_html_page_does_not_confirm_a_deletion() {
    for line in ["secret delete A --yes", "secret claude delete cred_1"] {
        let sandbox = Sandbox::new();
        sandbox.vault.seed("A", "x", "user");
        sandbox
            .vault
            .seed_credential_with_id("cred_1", "claude", "B", "oauth", "user", "x");
        sandbox.vault.fault(Fault::on("DELETE", "").html(200).always());
        let run = sandbox
            .run(line)
            .exits(5)
            .stderr_contains("may or may not have been deleted");
        assert!(run.stdout.is_empty(), "{}", run.stdout);
        assert!(sandbox.vault.value("A", "user").is_some());
    }
}

/// R74, R107: a 404 for a secret that is still listed does not count as deleted.
#[test]
fn a_404_for_a_listed_secret_is_not_trusted() {
    let sandbox = Sandbox::new();
    sandbox.vault.seed("A", "x", "user");
    sandbox.vault.fault(Fault::on("DELETE", "").fails(404, "not now"));
    let run = sandbox
        .run("secret delete A --yes")
        .exits(5)
        .stderr_contains("may or may not have been deleted");
    assert!(run.stdout.is_empty(), "{}", run.stdout);
}
