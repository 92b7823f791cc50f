//! The context of a command, and the runtime for commands that need the network.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::api::{Api, ApiError, ApiEvent, Repeat, SecretSummary};
use crate::auth::credential::{self, ApiCredential};
use crate::auth::store::Store;
use crate::error::{Error, Kind, Result};
use crate::net::origin::ServerOrigin;
use crate::secret::Scope;
use crate::system::env::Env;
use crate::system::signals::Interrupt;
use crate::ui::notices::Notices;
use crate::ui::options::GlobalOptions;
use crate::ui::printer::Printer;

/// The context that is passed to every command.
pub(crate) struct Context {
    pub(crate) env: Arc<Env>,
    pub(crate) options: GlobalOptions,
    pub(crate) printer: Printer,
    pub(crate) interrupt: Interrupt,
    credential: OnceCell<Rc<ApiCredential>>,
}

impl Context {
    /// Creates a client for the configured API with the credential in use. Prints notices about it.
    pub(crate) async fn api(&self) -> Result<Api> {
        let origin = ServerOrigin::from_env(&self.env)?;
        let (credential, notices) = self.find_credential(&origin).await?;
        self.printer.notices(&notices);
        self.api_using(origin, Rc::clone(self.register(credential)))
    }

    /// As [`api`](Self::api), after one request has shown that the connection works and the credential
    /// is accepted. Returns the secrets of the vault.
    pub(crate) async fn connect(&self) -> Result<(Api, Vec<SecretSummary>)> {
        let api = self.api().await?;
        let listed = self.reply(api.list_secrets(Repeat::Safe)).await?;
        Ok((api, listed))
    }

    /// Waits for a reply from the API, or a signal.
    pub(crate) async fn reply<T>(
        &self,
        request: impl Future<Output = std::result::Result<T, ApiError>>,
    ) -> Result<T> {
        self.interrupt.or(async { Ok(request.await?) }).await
    }

    /// Whose vault is used, for questions and plans: `dana@example.com`, or `the API key from PLACE`, with
    /// the origin if it is not the default. Empty before [`api`](Self::api).
    pub(crate) fn account(&self) -> String {
        let Some(credential) = self.credential.get() else {
            return String::new();
        };
        match ServerOrigin::from_env(&self.env) {
            Ok(origin) if !origin.is_default() => format!("{} on {origin}", credential.account),
            _ => credential.account.clone(),
        }
    }

    /// As [`account`](Self::account), with the scope: `user scope of dana@example.com`.
    pub(crate) fn vault_of(&self, scope: Scope) -> String {
        format!("{scope} scope of {}", self.account())
    }

    /// Finds the credential in use for this origin, and notices about it.
    pub(crate) async fn find_credential(&self, origin: &ServerOrigin) -> Result<(ApiCredential, Notices)> {
        let origin = origin.clone();
        self.on_thread(move |env| credential::find(env, &origin)).await
    }

    /// Runs `work`, which may wait for the keyring, on another thread, so that a signal is handled at
    /// once.
    pub(crate) async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Env) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // Without a stored credential, there is nothing to wait for, and a thread would only take time.
        if Store::locate(&self.env).is_none_or(|store| store.is_empty()) {
            return work(&self.env);
        }
        let env = Arc::clone(&self.env);
        let done = tokio::task::spawn_blocking(move || work(&env));
        let done = async {
            done.await
                .map_err(|error| Error::new(Kind::State, "failed to read the credential").because(error))?
        };
        self.interrupt.or(done).await
    }

    /// Creates a client for this origin with this credential.
    pub(crate) fn api_using(&self, origin: ServerOrigin, credential: Rc<ApiCredential>) -> Result<Api> {
        let printer = self.printer;
        let observer = move |event: ApiEvent<'_>| match event {
            ApiEvent::Ignored(warning) => printer.warning(warning),
            ApiEvent::Waiting(what) => printer.waiting(what),
            ApiEvent::Request(line) => printer.request(line),
        };
        Api::new(&self.env, origin, credential, Box::new(observer))
    }

    /// Registers the credential of the command, so that its refresh is completed before the command
    /// ends. Each command uses one credential.
    pub(crate) fn register(&self, credential: ApiCredential) -> &Rc<ApiCredential> {
        self.credential.get_or_init(|| Rc::new(credential))
    }

    /// Completes a refresh of the login and adds its outcome to the result of the command: exit 8 if
    /// the login could not be saved.
    pub(crate) async fn finish_refresh(&self, result: Result<()>) -> Result<()> {
        let Some(credential) = self.credential.get() else {
            return result;
        };
        let report = credential.finish_refresh().await;
        match (result, report.unsaved) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(unsaved)) => Err(unsaved),
            (Err(error), unsaved) => {
                if let Some(unsaved) = unsaved {
                    self.printer.warning(&unsaved.with_hint());
                }
                if let Some(what) = report.interrupted {
                    self.printer.notice(what);
                }
                Err(error)
            }
        }
    }
}

/// Runs the part of a command that needs the network and can be interrupted.
pub(crate) fn connected(
    env: Env,
    options: GlobalOptions,
    printer: Printer,
    work: impl AsyncFnOnce(&Context) -> Result<()>,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::State, "failed to start the runtime").because(error))?;
    let result = runtime.block_on(async {
        let context = Context {
            env: Arc::new(env),
            options,
            printer,
            interrupt: Interrupt::listen(),
            credential: OnceCell::new(),
        };
        let result = work(&context).await;
        context.finish_refresh(result).await
    });
    // This does not wait for a thread that is still resolving a host name.
    runtime.shutdown_background();
    result
}
