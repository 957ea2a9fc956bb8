//! Three services that call each other, share one trace per request, and log through every API there
//! is: starts them, sends traffic, stops them, and draws a trace from their log files or checks all.
#![forbid(unsafe_code)]

mod check;
mod draw;
mod fleet;
mod options;
mod order;
mod service;
mod traffic;

use std::process::ExitCode;

use crate::fleet::Fleet;
use crate::options::{Mode, Options};
use crate::traffic::Plan;

/// Whatever made something impossible.
type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("error: {why}\n\n{}", options::HELP);
            return ExitCode::from(2);
        }
    };
    let outcome = match options.mode {
        Mode::Help => {
            println!("{}", options::HELP);
            Ok(true)
        }
        Mode::Demo => demo(&options).map(|()| true),
        Mode::Check => check::run(&options),
        Mode::Serve => serve(&options).map(|()| true),
        Mode::Service(role) => service::run(role, &options).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Traffic of all kinds, and the trace of one request that went through all three services.
fn demo(options: &Options) -> Result<(), Error> {
    let plan = Plan::new(options);
    let fleet = Fleet::start(options)?;
    println!("{} requests to {}/orders/…", plan.requests.len(), fleet.gateway);
    let answers = traffic::send(&plan, &fleet, options)?;
    let ledgers = fleet.stop()?;
    println!("answers: {answers}");
    for ledger in &ledgers {
        println!("{:<10}{:>8} records in {}", ledger.role.name(), ledger.delivered, ledger.log);
    }
    draw::trace(&plan, options)
}

/// The services alone, until somebody ends them.
fn serve(options: &Options) -> Result<(), Error> {
    let fleet = Fleet::start(options)?;
    let on = if options.logging { "on" } else { "off" };
    println!("ready {} logging={on}", fleet.gateway);
    println!("try: curl -X PUT --json '{}' {}/orders/order-00000001", order::SAMPLE, fleet.gateway);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(service::end::asked(false));
    for ledger in fleet.stop()? {
        println!("{:<10}{:>8} records", ledger.role.name(), ledger.delivered);
    }
    Ok(())
}
