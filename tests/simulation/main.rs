//! Randomised simulation in the manner of `FoundationDB` and `TigerBeetle`: the real binary runs
//! against a vault with other writers, lag, lost and late effects, every status, signals, kills and a
//! full disk. `SIM_WORLDS` sets the number of worlds, `SIM_SEED` the seed and `SIM_WORKERS` the number
//! of threads; `SIM_REPLAY` repeats and prints one world; `SIM_PROGRAM` selects another build.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "variables configure the worlds")]

#[path = "../support/encodings.rs"]
mod encodings;
mod events;
mod idp;
mod invariants;
mod process;
mod replies;
mod reports;
mod server;
mod vault;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use invariants::Violation;
use server::Server;
use world::World;

/// The result of a world.
struct Outcome {
    broken: Vec<Violation>,
    code: Option<i32>,
    story: String,
}

/// R84, R95, R103 to R110: in every world, reports are correct, nothing is lost and nothing leaks.
#[test]
fn every_world_keeps_the_invariants() {
    if let Some(seed) = number("SIM_REPLAY") {
        let outcome = run_world(&World::new(seed));
        say(&outcome.story);
        assert!(outcome.broken.is_empty(), "{:#?}", outcome.broken);
        return;
    }
    let worlds = number("SIM_WORLDS").unwrap_or(200);
    let first = number("SIM_SEED").unwrap_or(1);
    let workers = number("SIM_WORKERS").unwrap_or(12);
    let (next, started) = (AtomicU64::new(0), Instant::now());
    let (broken, codes) = (
        Mutex::new(Vec::new()),
        Mutex::new(BTreeMap::<Option<i32>, u32>::new()),
    );
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= worlds {
                        return;
                    }
                    let world = World::new(fastrand::Rng::with_seed(first ^ (index << 20)).u64(..));
                    let outcome = run_world(&world);
                    if let Ok(mut codes) = codes.lock() {
                        *codes.entry(outcome.code).or_default() += 1;
                    }
                    if let (false, Ok(mut broken)) = (outcome.broken.is_empty(), broken.lock()) {
                        broken.push((world, outcome));
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().expect("no worker panics");
    say(&format!(
        "{worlds} worlds from seed {first} in {:.1?}, {} broken; exit codes {:?}\n",
        started.elapsed(),
        broken.len(),
        codes.into_inner()
    ));
    let mut classes = BTreeMap::<String, Vec<&(World, Outcome)>>::new();
    for found in &broken {
        for (class, _) in &found.1.broken {
            let command = format!("{:?}", found.0.command);
            let class = format!(
                "{class} / {}",
                command.split(['(', ' ']).next().unwrap_or_default()
            );
            classes.entry(class).or_default().push(found);
        }
    }
    let mut report = String::new();
    for (class, found) in &classes {
        let _ = writeln!(
            report,
            "== {class}: {} worlds; SIM_REPLAY={:?}",
            found.len(),
            found.iter().map(|f| f.0.seed).take(12).collect::<Vec<_>>()
        );
    }
    for found in classes.values().filter_map(|found| found.first()) {
        let (world, outcome) = shrunk(&found.0).unwrap_or_else(|| (found.0.clone(), run_world(&found.0)));
        let _ = writeln!(
            report,
            "-- seed {}, {} of {} events\n{}\n{:#?}",
            world.seed,
            world.events.len(),
            found.0.events.len(),
            outcome.story,
            outcome.broken
        );
    }
    assert!(broken.is_empty(), "{report}");
}

/// Runs a world, then the same command again without events.
fn run_world(world: &World) -> Outcome {
    let home = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start(world);
    let ran = process::run(world, &server, home.path(), false);
    let mut story = world.story();
    let mut broken = {
        let mut vault = server.vault();
        vault.finish_pending();
        let _ = writeln!(
            story,
            "{}\nexit {:?}\nstdout: {}\nstderr: {}",
            vault.trace.join("\n"),
            ran.code,
            ran.stdout,
            ran.stderr
        );
        invariants::check(world, &vault, &ran, home.path())
    };
    if broken.is_empty() && (!world.events.is_empty() || ran.code != Some(0)) {
        let mut again = world.clone();
        again.yes = true;
        let second = process::run(&again, &server, home.path(), true);
        broken = invariants::check_again(world, &server.vault(), &second);
    }
    Outcome {
        broken,
        code: ran.code,
        story,
    }
}

/// Removes every event that the first violation does not need.
fn shrunk(world: &World) -> Option<(World, Outcome)> {
    let class = run_world(world).broken.first()?.0;
    let mut smallest = world.clone();
    let mut index = 0;
    while index < smallest.events.len() {
        let mut fewer = smallest.clone();
        fewer.events.remove(index);
        if run_world(&fewer).broken.iter().any(|(own, _)| *own == class) {
            smallest = fewer;
        } else {
            index += 1;
        }
    }
    let outcome = run_world(&smallest);
    (!outcome.broken.is_empty()).then_some((smallest, outcome))
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Writes to stderr, bypassing the test's output capture.
fn say(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}
