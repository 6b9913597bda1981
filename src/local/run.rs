use std::{io, iter, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{
    Backends, Clients, DataDir, Error, Options, document::Document, functions::Functions, gateway,
    ports::without_delay, provision::provision, s3, seed::seed, signing_key, worker,
};
use crate::{
    aws::Staging,
    error_chain::ErrorChain,
    lambda::{http, sqs},
    requeue::Requeue,
};

/// How many build jobs are processed concurrently.
const BUILD_WORKERS: usize = 4;
/// How often the schedule runs requeue.
const REQUEUE_EVERY: Duration = Duration::from_secs(2);
/// How often expired staged objects are deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// How long requests and builds in progress may take to finish when the run ends. The next start begins unfinished
/// builds again.
const GRACE: Duration = Duration::from_secs(10);

/// Runs the system until Ctrl-C or SIGTERM interrupts it, or until a backend fails.
pub async fn run(options: Options) -> Result<(), Error> {
    let data = DataDir::open(&options.data_dir)?;
    let interrupted = interrupted().map_err(Error::Signals)?;
    Document::delete(&data)?;
    let listen = |source| Error::Listen { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
    let url = format!("http://{}", listener.local_addr().map_err(listen)?);

    let mut backends = Backends::start(&data, &options).await?;
    let clients = Clients::new(&backends.endpoints, &options).await;
    let queues = provision(&clients, &options).await?;
    let signing_key = signing_key::path(&data)?;
    let functions =
        Functions::new(&clients.sdk, &queues, &backends.registry, &backends.issuer, &signing_key, &options)?;
    let keys = seed(&functions.table).await?;
    // The embedded queues lose their messages when the process ends, so send all pending jobs again.
    functions.requeue.send_all().await?;

    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let api = functions.api;
    let api = gateway::router(move |event| http::function(Arc::clone(&api)).oneshot(event), gateway::TIMEOUT);
    let api = api.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(without_delay(listener), api).with_graceful_shutdown(stop.clone().cancelled_owned());
    tasks.spawn(async {
        if let Err(error) = served.await {
            tracing::error!(%error, "the API stopped");
        }
    });
    for queue in iter::repeat_n(&queues.builds, BUILD_WORKERS).chain([&queues.purges]) {
        let handlers = functions.handlers.clone();
        let handle = move |batch| {
            let handlers = handlers.clone();
            async move { sqs::handle_batch(&handlers, batch).await }
        };
        tasks.spawn(worker::run(clients.sqs.clone(), queue.clone(), handle, stop.clone()));
    }
    tasks.spawn(functions.handlers.builder.registry.prepare());
    tasks.spawn(requeue(functions.requeue, stop.clone()));
    if let Some(directory) = backends.s3_directory.clone() {
        tasks.spawn(s3::sweep_periodically(directory, Staging::EXPIRES_AFTER, SWEEP_EVERY, stop.clone()));
    }

    let document = Document {
        url: &url,
        registry: backends.registry.to_string(),
        issuer: &backends.issuer.url,
        endpoints: &backends.endpoints,
        table_name: &options.table_name,
        staging_bucket: &options.staging_bucket,
        build_queue_url: &queues.builds,
        purge_queue_url: &queues.purges,
        keys: &keys,
    };
    document.write(&data)?;
    document.print_banner(&data);
    let result = tokio::select! {
        () = interrupted => Ok(()),
        error = backends.failure() => Err(error),
    };

    Document::delete(&data)?;
    stop.cancel();
    if timeout(GRACE, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("stopping with requests or builds still in progress; the next start resumes the builds");
    }
    tasks.shutdown().await;
    backends.stop().await;
    result
}

/// Runs requeue every [`REQUEUE_EVERY`] until `stop` is canceled.
async fn requeue(requeue: Requeue, stop: CancellationToken) {
    let mut ticks = interval(REQUEUE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = requeue.sweep().await {
            tracing::error!(error = %ErrorChain(&error), "sweep failed");
        }
    }
}

/// Starts listening for signals. The returned future completes on the first one.
#[cfg(unix)]
fn interrupted() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Returns a future that completes on Ctrl-C.
#[cfg(not(unix))]
fn interrupted() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
