//! An in-process secrets API on 127.0.0.1. It is as strict as the documented one, injects faults on
//! demand, and records every request.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use axum::{Extension, Json, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot, watch};

use super::faults::{self, Behaviour, Fault};
use super::idp::Idp;

/// The API key that every vault accepts.
pub(crate) const API_KEY: &str = "amk_test_5f1c0a7e9b3d4c2f8a6e";

/// Maximum time to wait for an expected event.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running vault; it stops when dropped.
pub(crate) struct Vault {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A stored secret or provider credential.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) id: String,
    /// `generic`, `claude` or `codex`.
    pub(crate) family: String,
    pub(crate) name: String,
    pub(crate) scope: String,
    pub(crate) value: String,
    /// `oauth` or `api_key` for a credential, empty for a secret.
    pub(crate) kind: String,
    pub(crate) description: Option<String>,
}

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Still percent-encoded.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

struct Shared {
    state: Mutex<Contents>,
    changed: Condvar,
    released: watch::Sender<bool>,
}

#[derive(Default)]
struct Contents {
    idp: Idp,
    stored: Vec<Stored>,
    faults: Vec<Fault>,
    seen: Vec<Seen>,
    tokens: Vec<String>,
    latency: Duration,
    last_id: usize,
    connections: usize,
    peak_connections: usize,
}

/// A client connection, which a fault may reset.
struct Connection {
    socket: Mutex<Option<TcpStream>>,
    cut: Notify,
}

impl Vault {
    pub(crate) fn start() -> Self {
        Self::start_on(0)
    }

    /// Listens on this port of 127.0.0.1; 0 selects a free port.
    pub(crate) fn start_on(port: u16) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
        listener
            .set_nonblocking(true)
            .expect("a socket can be non-blocking");
        let address = listener.local_addr().expect("a bound socket has an address");
        let contents = Contents {
            tokens: vec![API_KEY.to_owned()],
            ..Contents::default()
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(contents),
            changed: Condvar::new(),
            released: watch::Sender::new(false),
        });
        let (stop, stopped) = oneshot::channel();
        let serving = serve(listener, Arc::clone(&shared));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime starts").block_on(async {
                tokio::select! { () = serving => {}, _ = stopped => {} }
            });
        });
        Self {
            shared,
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Reads or changes the identity provider.
    pub(crate) fn idp<T>(&self, work: impl FnOnce(&mut Idp) -> T) -> T {
        work(&mut self.contents().idp)
    }

    /// Starts a login whose access token the API accepts. Returns the access token and the refresh
    /// token.
    pub(crate) fn log_in(&self) -> (String, String) {
        let (access_token, refresh_token) = self.idp(Idp::log_in);
        self.accept_token(&access_token);
        (access_token, refresh_token)
    }

    /// Accepts an additional bearer token.
    pub(crate) fn accept_token(&self, token: &str) {
        self.contents().tokens.push(token.to_owned());
    }

    pub(crate) fn revoke_token(&self, token: &str) {
        self.contents().tokens.retain(|known| known != token);
    }

    /// Adds a fault; the first one that matches a request applies.
    pub(crate) fn fault(&self, fault: Fault) {
        self.contents().faults.push(fault);
    }

    /// Delays every request by this time.
    pub(crate) fn latency(&self, latency: Duration) {
        self.contents().latency = latency;
    }

    /// Releases the requests held by [`Behaviour::Hold`].
    pub(crate) fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// Stores a generic secret and returns its id.
    pub(crate) fn seed(&self, name: &str, value: &str, scope: &str) -> String {
        let mut contents = self.contents();
        let id = contents.new_id();
        contents.put(&id, "generic", name, value, scope, "");
        id
    }

    /// Stores a generic secret under a given, possibly hostile, id.
    pub(crate) fn seed_with_id(&self, id: &str, name: &str, value: &str, scope: &str) {
        self.contents().put(id, "generic", name, value, scope, "");
    }

    /// Stores a provider credential and returns its id.
    pub(crate) fn seed_credential(
        &self,
        provider: &str,
        name: &str,
        kind: &str,
        scope: &str,
        value: &str,
    ) -> String {
        let mut contents = self.contents();
        let id = contents.new_id();
        contents.put(&id, provider, name, value, scope, kind);
        id
    }

    /// Stores a provider credential under a given id.
    pub(crate) fn seed_credential_with_id(
        &self,
        id: &str,
        provider: &str,
        name: &str,
        kind: &str,
        scope: &str,
        value: &str,
    ) {
        self.contents().put(id, provider, name, value, scope, kind);
    }

    /// Returns the value of a generic secret.
    pub(crate) fn value(&self, name: &str, scope: &str) -> Option<String> {
        let contents = self.contents();
        let same =
            |stored: &&Stored| stored.family == "generic" && stored.name == name && stored.scope == scope;
        contents
            .stored
            .iter()
            .find(same)
            .map(|stored| stored.value.clone())
    }

    /// Returns the stored secrets of a family: `generic`, `claude` or `codex`.
    pub(crate) fn stored(&self, family: &str) -> Vec<Stored> {
        let contents = self.contents();
        contents
            .stored
            .iter()
            .filter(|stored| stored.family == family)
            .cloned()
            .collect()
    }

    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.contents().seen.clone()
    }

    /// The number of requests that ask for a change.
    pub(crate) fn writes(&self) -> usize {
        let contents = self.contents();
        contents.seen.iter().filter(|seen| seen.method != "GET").count()
    }

    /// The number of requests with this method.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.contents()
            .seen
            .iter()
            .filter(|seen| seen.method == method)
            .count()
    }

    /// The highest number of connections open at the same time.
    pub(crate) fn peak_connections(&self) -> usize {
        self.contents().peak_connections
    }

    /// Waits until `n` requests with this method have arrived.
    pub(crate) fn wait_for(&self, method: &str, n: usize) {
        let too_few =
            |contents: &mut Contents| contents.seen.iter().filter(|s| s.method == method).count() < n;
        let (guard, timeout) = self
            .shared
            .changed
            .wait_timeout_while(self.contents(), PATIENCE, too_few)
            .expect("no handler panics");
        drop(guard);
        assert!(!timeout.timed_out(), "fewer than {n} {method} requests arrived");
    }

    /// Whether no further request arrives within `time`.
    pub(crate) fn stays_quiet(&self, time: Duration) -> bool {
        let contents = self.contents();
        let seen = contents.seen.len();
        let none = |contents: &mut Contents| contents.seen.len() == seen;
        let waited = self.shared.changed.wait_timeout_while(contents, time, none);
        waited.expect("no handler panics").1.timed_out()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.shared.contents()
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.state.lock().expect("no handler panics")
    }
}

impl Contents {
    fn new_id(&mut self) -> String {
        self.last_id += 1;
        format!("sec_{:04}", self.last_id)
    }

    fn put(&mut self, id: &str, family: &str, name: &str, value: &str, scope: &str, kind: &str) {
        let [id, family, name, value, scope, kind] =
            [id, family, name, value, scope, kind].map(str::to_owned);
        self.stored.push(Stored {
            id,
            family,
            name,
            scope,
            value,
            kind,
            description: None,
        });
    }

    fn find(&mut self, family: &str, id: &str) -> Result<&mut Stored, Refusal> {
        let same = |stored: &&mut Stored| stored.family == family && stored.id == id;
        self.stored
            .iter_mut()
            .find(same)
            .ok_or(Refusal(404, "not_found", "no such secret"))
    }
}

async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("the listener is non-blocking");
    let router = router(Arc::clone(&shared));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let stream = stream.into_std().expect("a stream can leave the runtime");
        let connection = Arc::new(Connection {
            socket: Mutex::new(stream.try_clone().ok()),
            cut: Notify::new(),
        });
        let stream = tokio::net::TcpStream::from_std(stream).expect("the stream is non-blocking");
        let service = TowerToHyperService::new(router.clone().layer(Extension(Arc::clone(&connection))));
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            {
                let mut contents = shared.contents();
                contents.connections += 1;
                contents.peak_connections = contents.peak_connections.max(contents.connections);
            }
            let server = auto::Builder::new(TokioExecutor::new());
            tokio::select! {
                _ = server.serve_connection(TokioIo::new(stream), service) => {}
                () = connection.cut.notified() => {}
            }
            shared.contents().connections -= 1;
        });
    }
}

impl Connection {
    /// Resets the connection.
    async fn reset(&self) -> ! {
        if let Some(socket) = self.socket.lock().expect("no handler panics").take() {
            let _ = socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        }
        self.cut.notify_one();
        std::future::pending().await
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let family = "/api/v0beta1/secrets";
    let mut router = Router::new()
        .route(family, get(list_secrets).post(create_secret))
        .route(
            &format!("{family}/{{id}}"),
            put(update_secret).delete(delete_secret),
        )
        .route(&format!("{family}/{{id}}/reveal"), post(reveal_secret));
    for provider in ["claude", "codex"] {
        let credentials = Router::new()
            .route("/", get(list_credentials).post(create_credential))
            .route("/{id}", axum::routing::delete(delete_credential))
            .route("/{id}/reveal", post(reveal_credential))
            .layer(Extension(Provider(provider)));
        router = router.nest(&format!("{family}/{provider}"), credentials);
    }
    router
        .route("/user_management/authorize/device", post(authorize_device))
        .route("/user_management/authenticate", post(authenticate))
        .fallback(|| async { Refusal(404, "not_found", "no such endpoint") })
        .method_not_allowed_fallback(|| async { Refusal(405, "method_not_allowed", "not with this method") })
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), observe))
        .with_state(shared)
}

/// Records the request, applies a matching fault, and checks the API key.
async fn observe(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 16 * 1024 * 1024).await else {
        return Refusal(413, "too_large", "the body is too large").into_response();
    };
    let (latency, fault, accepted) = {
        let mut contents = shared.contents();
        contents.seen.push(Seen {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            headers: parts.headers.clone(),
            body: body.clone(),
        });
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        let fault = contents
            .faults
            .iter_mut()
            .find_map(|fault| fault.applies_to(method, path, &body));
        let bearer = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let accepted = path.starts_with("/user_management/")
            || bearer.is_some_and(|bearer| contents.tokens.iter().any(|token| token == bearer));
        (contents.latency, fault, accepted)
    };
    shared.changed.notify_all();

    let (delay, behaviour) = fault.unwrap_or((Duration::ZERO, Behaviour::Handle));
    tokio::time::sleep(latency + delay).await;
    let handle = async {
        if accepted {
            next.run(Request::from_parts(parts, Body::from(body))).await
        } else {
            Refusal(401, "unauthorized", "the key is not known").into_response()
        }
    };
    match behaviour {
        Behaviour::Handle => handle.await,
        Behaviour::Reply(reply) => reply.response(),
        Behaviour::ReplyAfter(reply) => {
            handle.await;
            reply.response()
        }
        Behaviour::Mislabel(kind) => {
            let mut response = handle.await;
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            response
        }
        Behaviour::ResetBefore => connection.reset().await,
        Behaviour::ResetAfter => {
            handle.await;
            connection.reset().await
        }
        Behaviour::Truncate => faults::truncate(handle.await).await,
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Hold => {
            let _ = shared.released.subscribe().wait_for(|released| *released).await;
            handle.await
        }
        Behaviour::Drip(status) => faults::drip(status),
        Behaviour::Unannounced(length) => faults::unannounced(length),
    }
}

/// An error response of the API: status, code, message.
struct Refusal(u16, &'static str, &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let Self(status, code, message) = self;
        let envelope =
            json!({ "type": "error", "error_code": code, "message": message, "trace_id": "trace-1" });
        let status = StatusCode::from_u16(status).expect("a valid status");
        (status, [("x-trace-id", "trace-1")], Json(envelope)).into_response()
    }
}

type Answer = Result<Response<Body>, Refusal>;

#[derive(Clone, Copy)]
struct Provider(&'static str);

/// The fields of a request, validated as strictly as by the API.
struct Fields(serde_json::Map<String, Value>);

impl Fields {
    fn read(headers: &HeaderMap, body: &Bytes, allowed: &[&str]) -> Result<Self, Refusal> {
        let is_json = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        if !is_json {
            return Err(Refusal(415, "unsupported_media_type", "send JSON"));
        }
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
            return Err(Refusal(400, "bad_request", "not a JSON object"));
        };
        if fields.keys().any(|key| !allowed.contains(&key.as_str())) {
            return Err(Refusal(400, "bad_request", "unknown field"));
        }
        let described = fields
            .get("description")
            .is_none_or(|text| text.is_string() || text.is_null());
        if !described {
            return Err(Refusal(400, "bad_request", "a field is of the wrong type"));
        }
        Ok(Self(fields))
    }

    fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(Refusal(
                400,
                "bad_request",
                "a field is empty or of the wrong type",
            )),
        }
    }

    fn required(&self, name: &str) -> Result<String, Refusal> {
        self.text(name)?
            .ok_or(Refusal(400, "bad_request", "a field is missing"))
    }

    fn one_of(&self, name: &str, allowed: [&str; 2]) -> Result<Option<String>, Refusal> {
        match self.text(name)? {
            Some(text) if !allowed.contains(&text.as_str()) => {
                Err(Refusal(400, "bad_request", "unknown word"))
            }
            text => Ok(text),
        }
    }

    fn scope(&self) -> Result<Option<String>, Refusal> {
        self.one_of("scope", ["user", "org"])
    }
}

fn summary(stored: &Stored) -> Value {
    json!({
        "id": stored.id, "org_id": "org_1", "user_id": "user_1", "name": stored.name,
        "description": stored.description,
        "scope": stored.scope, "created_at": "2026-11-23T12:00:00Z", "updated_at": "2026-11-23T12:00:00Z",
    })
}

async fn list_secrets(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let contents = shared.contents();
    let generic = contents.stored.iter().filter(|stored| stored.family == "generic");
    Json(generic.map(summary).collect::<Vec<_>>()).into_response()
}

async fn create_secret(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Answer {
    let fields = Fields::read(&headers, &body, &["name", "value", "scope", "description"])?;
    let (name, value) = (fields.required("name")?, fields.required("value")?);
    let scope = fields.scope()?.unwrap_or_else(|| "user".to_owned());
    let mut contents = shared.contents();
    let same = |stored: &Stored| stored.family == "generic" && stored.name == name && stored.scope == scope;
    if contents.stored.iter().any(same) {
        return Err(Refusal(409, "conflict", "the name is taken"));
    }
    let id = contents.new_id();
    contents.put(&id, "generic", &name, &value, &scope, "");
    Ok((StatusCode::CREATED, Json(summary(contents.find("generic", &id)?))).into_response())
}

async fn update_secret(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let fields = Fields::read(&headers, &body, &["name", "value", "scope", "description"])?;
    let (name, value, scope) = (fields.text("name")?, fields.text("value")?, fields.scope()?);
    let mut contents = shared.contents();
    let Stored {
        name: old_name,
        scope: old_scope,
        ..
    } = contents.find("generic", &id)?.clone();
    let (new_name, new_scope) = (
        name.as_ref().unwrap_or(&old_name),
        scope.as_ref().unwrap_or(&old_scope),
    );
    let clashes =
        |s: &Stored| s.family == "generic" && s.id != id && s.name == *new_name && s.scope == *new_scope;
    if contents.stored.iter().any(clashes) {
        return Err(Refusal(409, "conflict", "the name is taken"));
    }
    let stored = contents.find("generic", &id)?;
    stored.name = name.unwrap_or_else(|| stored.name.clone());
    stored.value = value.unwrap_or_else(|| stored.value.clone());
    stored.scope = scope.unwrap_or_else(|| stored.scope.clone());
    if let Some(description) = fields.0.get("description") {
        stored.description = description.as_str().map(str::to_owned);
    }
    Ok(Json(summary(stored)).into_response())
}

async fn delete_secret(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    remove(&shared, "generic", &id)
}

async fn reveal_secret(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    reveal(&shared, "generic", &id)
}

async fn list_credentials(
    State(shared): State<Arc<Shared>>,
    Extension(Provider(provider)): Extension<Provider>,
) -> Response<Body> {
    let contents = shared.contents();
    let own = contents.stored.iter().filter(|stored| stored.family == provider);
    let shown = own.map(|s| json!({ "id": s.id, "name": s.name, "type": s.kind, "scope": s.scope }));
    Json(shown.collect::<Vec<_>>()).into_response()
}

async fn create_credential(
    State(shared): State<Arc<Shared>>,
    Extension(Provider(provider)): Extension<Provider>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let fields = Fields::read(&headers, &body, &["name", "value", "type", "scope"])?;
    let (name, value) = (fields.required("name")?, fields.required("value")?);
    fields.required("type")?;
    let kind = fields.one_of("type", ["oauth", "api_key"])?.unwrap_or_default();
    let scope = fields.scope()?.unwrap_or_else(|| "user".to_owned());
    let mut contents = shared.contents();
    let clashes = |s: &Stored| s.family == provider && s.scope == scope && (scope == "org" || s.name == name);
    if contents.stored.iter().any(clashes) {
        return Err(Refusal(409, "conflict", "there is one already"));
    }
    let id = contents.new_id();
    contents.put(&id, provider, &name, &value, &scope, &kind);
    Ok((StatusCode::CREATED, Json(summary(contents.find(provider, &id)?))).into_response())
}

async fn delete_credential(
    State(shared): State<Arc<Shared>>,
    Extension(Provider(provider)): Extension<Provider>,
    Path(id): Path<String>,
) -> Answer {
    remove(&shared, provider, &id)
}

async fn reveal_credential(
    State(shared): State<Arc<Shared>>,
    Extension(Provider(provider)): Extension<Provider>,
    Path(id): Path<String>,
) -> Answer {
    reveal(&shared, provider, &id)
}

async fn authorize_device(State(shared): State<Arc<Shared>>) -> Response<Body> {
    shared.contents().idp.authorize_device()
}

async fn authenticate(State(shared): State<Arc<Shared>>, body: Bytes) -> Response<Body> {
    let form: Vec<_> = url::form_urlencoded::parse(&body).into_owned().collect();
    let mut contents = shared.contents();
    let (answer, access_token) = contents.idp.authenticate(&form);
    contents.tokens.extend(access_token);
    answer
}

fn remove(shared: &Shared, family: &str, id: &str) -> Answer {
    let mut contents = shared.contents();
    contents.find(family, id)?;
    contents
        .stored
        .retain(|stored| stored.family != family || stored.id != id);
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn reveal(shared: &Shared, family: &str, id: &str) -> Answer {
    let mut contents = shared.contents();
    let stored = contents.find(family, id)?;
    Ok(Json(json!({ "value": stored.value })).into_response())
}
