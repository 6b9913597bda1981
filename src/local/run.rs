use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Backends, Clients, DataDir, Error, Options, document::Document, functions::Functions, gateway,
    provision::provision, s3, seed::seed, worker,
};
use crate::{
    aws::Staging,
    error_chain::ErrorChain,
    lambda::{http, sqs},
    requeue::Requeue,
};

/// How many batches of builds run at a time.
const WORKERS: usize = 2;
/// How often the schedule fires.
const REQUEUE_EVERY: Duration = Duration::from_secs(2);
/// How often staged objects are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// How long requests and builds may take to finish at the end. What they leave undone is done at the next start.
const GRACE: Duration = Duration::from_secs(10);

/// Runs the whole system until it is interrupted (Ctrl-C, or SIGTERM).
///
/// # Errors
/// See [`Error`].
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
    let functions = Functions::new(&clients.sdk, &queues, &backends.registry, &backends.issuer, &options)?;
    let keys = seed(&functions.table).await?;

    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let api =
        gateway::router(http::service(Arc::clone(&functions.api))).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, api).with_graceful_shutdown(stop.clone().cancelled_owned());
    tasks.spawn(async {
        if let Err(error) = served.await {
            tracing::error!(%error, "the API ended");
        }
    });
    for _ in 0..WORKERS {
        let builder = functions.builder.clone();
        let build = move |batch| {
            let builder = builder.clone();
            async move { sqs::handle_batch(&builder, batch).await }
        };
        tasks.spawn(worker::run(clients.sqs.clone(), queues.builds.clone(), build, stop.clone()));
    }
    tasks.spawn(requeue(functions.requeue, stop.clone()));
    if let Some(folder) = backends.s3_folder.clone() {
        tasks.spawn(s3::sweep_regularly(folder, Staging::EXPIRES_AFTER, SWEEP_EVERY, stop.clone()));
    }

    let document = Document {
        url: &url,
        registry: backends.registry.to_string(),
        issuer: &backends.issuer.url,
        endpoints: &backends.endpoints,
        table_name: &options.table_name,
        staging_bucket: &options.staging_bucket,
        build_queue_url: &queues.builds,
        keys: &keys,
    };
    document.write(&data)?;
    document.announce(&data);
    let ended = tokio::select! {
        () = interrupted => Ok(()),
        error = backends.failure() => Err(error),
    };

    Document::delete(&data)?;
    stop.cancel();
    if timeout(GRACE, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("something was still under way; the next start takes it up");
    }
    tasks.shutdown().await;
    backends.stop().await;
    ended
}

/// Sends what is pending: at once whatever its age, since the queue forgot its jobs when the process ended, and
/// then what no job answered for.
async fn requeue(requeue: Requeue, stop: CancellationToken) {
    let mut ticks = interval(REQUEUE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut queue_is_empty = true;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let swept = if queue_is_empty { requeue.send_all().await } else { requeue.sweep().await };
        match swept {
            Ok(_) => queue_is_empty = false,
            Err(error) => tracing::error!(error = %ErrorChain(&error), "pending builds cannot be listed"),
        }
    }
}

/// Listens for signals from now on, and ends with the first one.
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

/// Ends with Ctrl-C.
#[cfg(not(unix))]
fn interrupted() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
