// SPDX-License-Identifier: MIT
//! Reads the file it is given, starts threads, talks to itself over loopback, sleeps.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs, thread};

fn main() -> std::io::Result<()> {
    let content = fs::read_to_string(env::args().nth(1).expect("a file"))?;

    let total = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let total = Arc::clone(&total);
            thread::spawn(move || (0..1000).for_each(|_| *total.lock().unwrap() += 1))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let dialer = thread::spawn(move || TcpStream::connect(address)?.write_all(b"hello"));
    let mut received = String::new();
    listener.accept()?.0.read_to_string(&mut received)?;
    dialer.join().unwrap()?;

    thread::sleep(Duration::from_millis(20));
    println!("{} lines, {} counted, {received}", content.lines().count(), total.lock().unwrap());
    Ok(())
}
