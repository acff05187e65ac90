// SPDX-License-Identifier: MIT
//! Threads that hash, a panic that is caught, and the time that went by.
use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

fn sum(factor: u64) -> u64 {
    let products: HashMap<u64, u64> = (0..1000).map(|number| (number, number * factor)).collect();
    products.values().sum()
}

fn main() {
    let threads: Vec<_> = (0..4).map(|factor| thread::spawn(move || sum(factor))).collect();
    let sums: Vec<u64> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    println!("{sums:?}");

    std::panic::set_hook(Box::new(|_| ()));
    println!("{}", std::panic::catch_unwind(|| sums[sums.len()]).is_err());

    let begin = Instant::now();
    thread::sleep(Duration::from_millis(20));
    println!("{}", begin.elapsed() >= Duration::from_millis(20));
}
