//! The callers: what they ask for, each in a trace of its own, and what they are answered.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prisma_log::{SpanId, TraceId};
use tokio::task::JoinSet;

use crate::Error;
use crate::fleet::Fleet;
use crate::options::Options;
use crate::order::{CUSTOMERS, Goods, Line, Order, OrderId};

/// Longer than any answer takes: what does not come by then counts as an answer of its own.
const LIMIT: Duration = Duration::from_secs(120);
const MOST_LINES: u32 = 5;

/// All requests, the number of each being its place.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) requests: Vec<Request>,
}

/// One request: an order, the trace and the span of its caller, and what is to become of it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: OrderId,
    pub(crate) order: Order,
    /// How it is with the last article; all before are in stock.
    pub(crate) goods: Goods,
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
}

impl Plan {
    /// The orders follow from the seed; the traces are new in each run.
    pub(crate) fn new(options: &Options) -> Self {
        let mut dice = fastrand::Rng::with_seed(options.seed);
        let requests = (0..options.requests).map(|number| request(number, &mut dice));
        Plan { requests: requests.collect() }
    }
}

fn request(number: usize, dice: &mut fastrand::Rng) -> Request {
    // The first ones are one of each, so that a short run has all of them.
    let goods = Goods::ALL.get(number).copied().unwrap_or_else(|| match dice.u32(0..100) {
        0..10 => Goods::Imported,
        10..16 => Goods::SoldOut,
        16..18 => Goods::Unpriced,
        18..20 => Goods::Awaited,
        _ => Goods::Stocked,
    });
    let count = dice.u32(2..=MOST_LINES);
    let lines = (1..=count).map(|line| {
        let goods = if line == count { goods } else { Goods::Stocked };
        Line { sku: format!("{}-{line}", goods.name()), pieces: dice.u32(1..20) }
    });
    let order = Order { lines: lines.collect(), customer: format!("c{}", dice.u32(0..CUSTOMERS)) };
    Request {
        id: OrderId::of_number(number),
        order,
        goods,
        trace: never_none(|| TraceId::new(fastrand::u128(..))),
        span: never_none(|| SpanId::new(fastrand::u64(..))),
    }
}

fn never_none<T>(draw: impl Fn() -> Option<T>) -> T {
    std::iter::repeat_with(draw).flatten().next().unwrap_or_else(|| unreachable!("it repeats"))
}

/// How many requests were answered how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(BTreeMap<(&'static str, Answer), usize>);

/// What a caller got.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    Status(u16),
    /// Nothing: the caller went away.
    GaveUp,
    Failed(String),
}

impl Answer {
    /// What a request for these goods is to be answered.
    fn due(goods: Goods) -> Self {
        match goods {
            Goods::Stocked | Goods::Imported => Answer::Status(200),
            Goods::SoldOut => Answer::Status(409),
            Goods::Unpriced => Answer::Status(502),
            Goods::Awaited => Answer::GaveUp,
        }
    }
}

impl Answers {
    /// How many were answered otherwise than they should have been.
    pub(crate) fn wrong(&self) -> usize {
        let wrong = |((name, answer), count): (&(&str, Answer), &usize)| {
            let due = Goods::ALL.into_iter().find(|goods| goods.name() == *name).map(Answer::due);
            (due.as_ref() != Some(answer)).then_some(*count)
        };
        self.0.iter().filter_map(wrong).sum()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Status(status) => write!(f, "{status}"),
            Answer::GaveUp => f.write_str("given up"),
            Answer::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, ((name, answer), count)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {name} {answer}")?;
        }
        Ok(())
    }
}

/// Sends all requests, so many at a time.
pub(crate) fn send(plan: &Plan, fleet: &Fleet, options: &Options) -> Result<Answers, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let http = reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?;
    let callers = Callers {
        plan: plan.clone(),
        next: AtomicUsize::new(0),
        http,
        gateway: fleet.gateway.clone(),
        inventory: fleet.inventory.clone(),
    };
    let callers = Arc::new(callers);
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..options.concurrency {
            tasks.spawn(callers.clone().send_all());
        }
        let mut answers = Answers::default();
        while let Some(part) = tasks.join_next().await {
            for (answer, count) in part?.0 {
                *answers.0.entry(answer).or_default() += count;
            }
        }
        Ok(answers)
    })
}

struct Callers {
    plan: Plan,
    next: AtomicUsize,
    http: reqwest::Client,
    gateway: String,
    inventory: String,
}

impl Callers {
    async fn send_all(self: Arc<Self>) -> Answers {
        let mut answers = Answers::default();
        while let Some(request) = self.plan.requests.get(self.next.fetch_add(1, Ordering::Relaxed))
        {
            let answer = self.send(request).await;
            *answers.0.entry((request.goods.name(), answer)).or_default() += 1;
        }
        answers
    }

    async fn send(&self, request: &Request) -> Answer {
        let sent = self
            .http
            .put(format!("{}/orders/{}", self.gateway, request.id))
            .header("traceparent", format!("00-{}-{}-01", request.trace, request.span))
            .json(&request.order)
            .send();
        if request.goods != Goods::Awaited {
            return answer(sent.await).await;
        }
        // Waits until it is certain that all is done but what takes too long; then goes away.
        let held = format!("{}/held/{}", self.inventory, request.id);
        tokio::select! {
            answered = sent => answer(answered).await,
            held = self.http.get(held).send() => match held {
                Ok(_) => Answer::GaveUp,
                Err(why) => Answer::Failed(why.to_string()),
            },
        }
    }
}

async fn answer(answered: Result<reqwest::Response, reqwest::Error>) -> Answer {
    let status = match answered {
        // To the end, so that the connection serves the next one.
        Ok(response) => {
            let status = response.status().as_u16();
            response.bytes().await.map(|_| status)
        }
        Err(why) => Err(why),
    };
    status.map_or_else(|why| Answer::Failed(why.to_string()), Answer::Status)
}
