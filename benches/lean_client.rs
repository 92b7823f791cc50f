//! A minimal client as a lower bound for pushes over https: one list and COUNT creates over JOBS
//! connections, with rustls and blocking sockets. Usage: `lean_client PORT CA.pem COUNT JOBS`
#![expect(clippy::unwrap_used, reason = "a failure ends the measurement")]

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const PATH: &str = "/api/v0beta1/secrets";

type Connection = StreamOwned<ClientConnection, TcpStream>;

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [port, authority, count, jobs] = arguments.as_slice() else {
        panic!("usage: lean_client PORT CA.pem COUNT JOBS");
    };
    let [port, count, jobs]: [usize; 3] = [port, count, jobs].map(|number| number.parse().unwrap());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_file_iter(authority).unwrap().flatten());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let port = u16::try_from(port).unwrap();
    let mut first = connect(&config, port);
    exchange(
        &mut first,
        &format!("GET {PATH} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    );
    let jobs = jobs.min(count);
    let others = (1..jobs).map(|job| {
        let config = Arc::clone(&config);
        thread::spawn(move || create(&mut connect(&config, port), (job..count).step_by(jobs)))
    });
    let others: Vec<_> = others.collect();
    create(&mut first, (0..count).step_by(jobs));
    for job in others {
        job.join().unwrap();
    }
}

fn connect(config: &Arc<ClientConfig>, port: u16) -> Connection {
    let name = ServerName::try_from("localhost").unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_nodelay(true).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), socket)
}

fn create(connection: &mut Connection, numbers: impl Iterator<Item = usize>) {
    for n in numbers {
        let body = format!(r#"{{"name":"NAME_{n}","value":"value-{n}","scope":"user"}}"#);
        let length = body.len();
        exchange(
            connection,
            &format!("POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"),
        );
    }
}

/// Sends a request and reads the whole reply.
fn exchange(connection: &mut Connection, request: &str) {
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = connection.read(&mut buffer).unwrap();
        assert!(length > 0, "the server closed the connection");
        answer.extend_from_slice(&buffer[..length]);
        let text = std::str::from_utf8(&answer).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let (_, length) = head.split_once("Content-Length: ").unwrap();
            if body.len() >= length.lines().next().unwrap().parse().unwrap() {
                return;
            }
        }
    }
}
