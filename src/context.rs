//! What every command is handed, and the runtime for those that need the network.

use std::cell::OnceCell;
use std::rc::Rc;

use crate::api::{Api, RequestLine};
use crate::auth::resolve::ApiCredential;
use crate::error::{Error, Kind, Result};
use crate::net::origin::Origin;
use crate::system::env::Env;
use crate::system::signals::Interrupt;
use crate::ui::notices::Notices;
use crate::ui::options::GlobalOptions;
use crate::ui::printer::Printer;

/// What every command is handed.
pub(crate) struct Context {
    pub(crate) env: Env,
    pub(crate) options: GlobalOptions,
    pub(crate) printer: Printer,
    pub(crate) interrupt: Interrupt,
    authority: OnceCell<Rc<ApiCredential>>,
}

impl Context {
    /// A client for the configured API with the credential that is in force.
    pub(crate) fn api(&self, jobs: Option<u8>) -> Result<Api> {
        let origin = Origin::from_env(&self.env)?;
        let mut notices = Notices::default();
        let found = crate::auth::resolve::find(&self.env, &origin, &mut notices);
        self.printer.notices(&notices);
        let authority = self.adopt(found?);
        let printer = self.printer;
        let observe: Box<dyn Fn(&RequestLine)> = Box::new(move |line| printer.request(&line.to_string()));
        let observe = printer.shows_requests().then_some(observe);
        Api::new(&self.env, origin, Rc::clone(authority), jobs, observe)
    }

    /// Takes care that what an authority has begun comes to its end. A command has one.
    pub(crate) fn adopt(&self, authority: ApiCredential) -> &Rc<ApiCredential> {
        self.authority.get_or_init(|| Rc::new(authority))
    }

    /// Lets a renewal of the login come to its end; exit 8 when it could not be saved.
    pub(crate) async fn settle(&self) -> Result<()> {
        let Some(authority) = self.authority.get() else {
            return Ok(());
        };
        let trouble = authority.settle().await;
        self.printer.notices(&trouble.notices);
        trouble.unsaved.map_or(Ok(()), Err)
    }
}

/// Runs the part of a command that needs the network, and can be stopped by a signal.
pub(crate) fn connected(
    env: Env,
    options: GlobalOptions,
    printer: Printer,
    work: impl AsyncFnOnce(&Context) -> Result<()>,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::State, "starting the runtime").because(error))?;
    let result = runtime.block_on(async {
        let context = Context {
            env,
            options,
            printer,
            interrupt: Interrupt::listen(),
            authority: OnceCell::new(),
        };
        let result = work(&context).await;
        let settled = context.settle().await;
        match (result, settled) {
            (Err(error), Err(unsaved)) => {
                context.printer.warning(&unsaved.to_string());
                Err(error)
            }
            (result, settled) => result.and(settled),
        }
    });
    // A thread may still wait for a name to resolve; nobody waits for it.
    runtime.shutdown_background();
    result
}
