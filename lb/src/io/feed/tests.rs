use std::time::Duration;

use super::{Fact, Feed, Subscription};
use crate::io::folder::Folder;

fn plain(facts: &[Fact]) -> Vec<(&str, bool)> {
    let facts = facts.iter();
    facts.map(|fact| (&*fact.session, fact.is_up)).collect()
}

async fn welcome(feed: &mut Feed, facts: &[Fact]) {
    let stream = feed.subscriber().await;
    feed.welcome(stream, facts);
}

#[tokio::test]
async fn who_subscribes_hears_all_and_then_what_changes() {
    let folder = Folder::new();
    let path = folder.join("sock");
    let mut feed = Feed::serve(path.clone()).unwrap();
    let mut heard = Subscription::new(path);
    heard.listen(true);
    let all = [Fact::new("a", true, false), Fact::new("b", false, true)];
    let (first, ()) = tokio::join!(heard.next(), welcome(&mut feed, &all));
    assert_eq!(plain(&first), [("a", true), ("b", false)]);
    feed.tell(&[Fact::new("b", true, false)]);
    feed.tell(&[]);
    assert_eq!(plain(&heard.next().await), [("b", true)]);
    assert_eq!(heard.known().len(), 2);
    assert!(heard.known().values().all(|is_up| *is_up));
}

#[tokio::test]
async fn what_is_known_outlives_who_told_it() {
    let folder = Folder::new();
    let path = folder.join("sock");
    let mut feed = Feed::serve(path.clone()).unwrap();
    let mut heard = Subscription::new(path.clone());
    heard.listen(true);
    let all = [Fact::new("a", true, false)];
    let (_, ()) = tokio::join!(heard.next(), welcome(&mut feed, &all));
    drop(feed);
    let silent = tokio::time::timeout(Duration::from_millis(50), heard.next()).await;
    assert!(silent.is_err());
    assert_eq!(heard.known().get("a"), Some(&true));
    // The next one is found.
    let mut feed = Feed::serve(path).unwrap();
    let all = [Fact::new("a", false, true)];
    let (told, ()) = tokio::join!(heard.next(), welcome(&mut feed, &all));
    assert_eq!(plain(&told), [("a", false)]);
    heard.listen(false);
    assert!(heard.known().is_empty());
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_holds_nobody_up() {
    let folder = Folder::new();
    let path = folder.join("sock");
    let mut feed = Feed::serve(path.clone()).unwrap();
    let mut deaf = Subscription::new(path.clone());
    let mut heard = Subscription::new(path);
    deaf.listen(true);
    heard.listen(true);
    let all = [Fact::new("a", true, false)];
    for subscriber in [&mut deaf, &mut heard] {
        let (_, ()) = tokio::join!(subscriber.next(), welcome(&mut feed, &all));
    }
    let many: Vec<Fact> = (0..20_000)
        .map(|n| Fact::new(&format!("session-{n}"), true, false))
        .collect();
    for _ in 0..20 {
        feed.tell(&many);
        assert_eq!(heard.next().await.len(), many.len());
    }
    assert_eq!(feed.subscribers.len(), 1);
}
