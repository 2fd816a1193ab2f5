//! Every page of the demo, over real HTTP: it answers, is small and valid, and its amounts lead to why.

mod page;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    time::Duration,
};

use page::Page;

use crate::program::{Installation, Server};

/// No page is larger, in bytes.
const LARGEST: usize = 150_000;
/// So many pages of one kind are held against the rules of HTML; the others are drawn by the same code.
const CHECKED: usize = 3;

/// A browser that has signed in.
struct Browser<'s> {
    server: &'s Server,
    agent: ureq::Agent,
    cookie: String,
}

impl Browser<'_> {
    fn agent() -> ureq::Agent {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        config.timeout_global(Some(Duration::from_secs(60))).build().into()
    }

    /// What a click on this leads to: status, whether it is a page, its text.
    fn get(&self, path: &str) -> (u16, bool, String) {
        let request = self.agent.get(format!("{}{path}", self.server.url)).header("cookie", &self.cookie);
        let mut answer = request.call().unwrap_or_else(|error| panic!("{path}: {error}"));
        if let Some(onward) = answer.headers().get("location").and_then(|to| to.to_str().ok()) {
            return self.get(onward);
        }
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let html = kind.is_some_and(|kind| kind.starts_with("text/html"));
        let text = answer.body_mut().read_to_vec().expect("a body");
        (answer.status().as_u16(), html, String::from_utf8_lossy(&text).into_owned())
    }
}

fn cookie(answer: &ureq::http::Response<ureq::Body>) -> String {
    let set = answer.headers().get("set-cookie").expect("a cookie").to_str().expect("text");
    set.split(';').next().expect("a pair").to_owned()
}

fn sign_in(server: &Server) -> Browser<'_> {
    let agent = Browser::agent();
    let token = server.link.as_ref().and_then(|link| link.split("token=").nth(1)).expect("a link");
    let answer =
        agent.post(format!("{}/sign-in", server.url)).send_form([("token", token)]).expect("an answer");
    Browser { server, cookie: cookie(&answer), agent }
}

fn visit<'s>(server: &'s Server, link: &str) -> Browser<'s> {
    let agent = Browser::agent();
    let path = link.find("/my/open").map(|at| &link[at..]).expect("a link of a customer");
    let answer = agent.get(format!("{}{}", server.url, path.trim())).call().expect("an answer");
    Browser { server, cookie: cookie(&answer), agent }
}

/// What a crawl found.
#[derive(Default)]
struct Found {
    pages: usize,
    wrong: Vec<String>,
    /// Some pages of each kind, to be held against the rules of HTML.
    kept: BTreeMap<String, Vec<(String, String)>>,
}

/// The kind of a page: its path without ids and without which business it is of.
fn kind(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> =
        path.split('/').map(|part| if part.len() > 29 && part.contains('_') { "*" } else { part }).collect();
    let names: BTreeSet<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    let own = parts.get(1) == Some(&"my");
    format!(
        "{}?{}",
        parts[if own { 1 } else { parts.len().min(2) }..].join("/"),
        names.into_iter().collect::<Vec<_>>().join("&")
    )
}

fn crawl(browser: &Browser<'_>, start: &str, found: &mut Found) {
    let mut known = HashSet::from([start.to_owned()]);
    let mut waiting = VecDeque::from([start.to_owned()]);
    while let Some(path) = waiting.pop_front() {
        let (status, html, text) = browser.get(&path);
        found.pages += 1;
        if status != 200 {
            found.wrong.push(format!("{path} answers {status}"));
            continue;
        }
        if !html {
            continue;
        }
        if text.len() > LARGEST {
            found.wrong.push(format!("{path} has {} bytes", text.len()));
        }
        let page = Page::read(&text);
        found.wrong.extend(page.stuck.iter().map(|amount| format!("{path}: {amount} leads nowhere")));
        let gone =
            page.links.iter().filter_map(|link| link.strip_prefix('#')).filter(|id| !page.ids.contains(*id));
        found.wrong.extend(gone.map(|id| format!("{path} has no part called {id}")));
        for link in page.links {
            let link = link.split('#').next().unwrap_or_default().to_owned();
            let link = if link.starts_with('?') {
                format!("{}{link}", path.split('?').next().unwrap_or(""))
            } else {
                link
            };
            if link.starts_with('/') && !link.starts_with("//") && known.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
        let kept = found.kept.entry(kind(&path)).or_default();
        if kept.len() < CHECKED {
            kept.push((path, text));
        }
    }
}

#[test]
fn every_page_of_the_demo_answers_is_small_and_valid_and_its_amounts_lead_to_why() {
    let installation = Installation::sqlite();
    let made = ["demo", "--scale", "30", "--months", "7", "--listen", "127.0.0.1:0"];
    let server = Server::start(installation.command(&made));
    let mut found = Found::default();
    crawl(&sign_in(&server), "/", &mut found);
    let staff = found.pages;
    for (merchant, customer) in
        [("frontier", "ext:FR-00001"), ("lumen", "ext:LU-00002"), ("unison", "ext:UN-00003")]
    {
        let link = installation.run(&["--merchant", merchant, "customers", "link", customer]).good();
        let link = link.split_whitespace().find(|word| word.contains("/my/open")).expect("a link").to_owned();
        crawl(&visit(&server, &link), "/my", &mut found);
    }
    server.stop();
    assert!(staff > 1_000 && found.pages > staff + 5, "{staff} of {} pages were found", found.pages);
    assert!(
        found.wrong.is_empty(),
        "{} wrong:\n{}",
        found.wrong.len(),
        found.wrong[..found.wrong.len().min(40)].join("\n")
    );
    let kept = found.kept.values().flatten().map(|(path, text)| (path.as_str(), text.as_str()));
    let mistakes = testkit::html::mistakes(kept);
    assert!(mistakes.is_empty(), "{}", mistakes[..mistakes.len().min(40)].join("\n"));
}
