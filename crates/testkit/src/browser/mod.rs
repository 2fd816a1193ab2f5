//! A real browser: Chromium without a window, told what to do over a pair of pipes in the DevTools protocol.
//!
//! It is told what a person would do: to click on words, to fill in the field of a label. Nothing waits for time to
//! pass: each step ends with what the browser says happened. Where Chromium is not installed the journeys are
//! skipped, and say so; `cargo xtask setup` brings it in.

mod keys;
mod pipe;

use std::sync::Once;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};

use crate::package::AXE;
use pipe::Pipe;

pub use pipe::program;

/// A page open in the browser.
pub struct Tab {
    pipe: Pipe,
    session: String,
    /// Complaints of the page in its console.
    complaints: Vec<String>,
    /// Pages run scripts, ours and those that look at them.
    scripts: bool,
}

/// The rules axe is to hold pages to.
const RULES: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

impl Tab {
    /// A fresh browser with an empty page; none where there is no Chromium.
    pub fn open() -> Option<Self> {
        let mut pipe = Pipe::start()?;
        let target = pipe.call("", "Target.createTarget", &json!({ "url": "about:blank" }));
        let asked = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = pipe.call("", "Target.attachToTarget", &asked);
        let session = attached["sessionId"].as_str().expect("a session").to_owned();
        let mut tab = Self { pipe, session, complaints: Vec::new(), scripts: true };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            tab.call(domain, &json!({}));
        }
        Some(tab)
    }

    fn call(&mut self, method: &str, params: &Json) -> Json {
        let answer = self.pipe.call(&self.session, method, params);
        self.listen();
        answer
    }

    /// Keep what the page complained of.
    fn listen(&mut self) {
        for event in self.pipe.events.drain(..) {
            let said = match event["method"].as_str() {
                Some("Log.entryAdded") if event["params"]["entry"]["level"] == "error" => {
                    event["params"]["entry"]["text"].to_string()
                }
                Some("Runtime.exceptionThrown") => event["params"]["exceptionDetails"].to_string(),
                _ => continue,
            };
            self.complaints.push(said);
        }
    }

    /// What pages complained of in the console so far.
    pub fn complaints(&mut self) -> Vec<String> {
        self.listen();
        self.complaints.clone()
    }

    /// Do something that leads to another page, and wait for it.
    fn leads_on(&mut self, step: impl FnOnce(&mut Self)) {
        self.listen();
        step(self);
        self.pipe.wait_for("Page.loadEventFired");
        self.listen();
    }

    /// Open an address.
    pub fn go(&mut self, address: &str) {
        let address = address.to_owned();
        self.leads_on(|tab| {
            tab.pipe.call(&tab.session, "Page.navigate", &json!({ "url": address }));
        });
    }

    /// As wide as this, in the colours of this scheme.
    pub fn look(&mut self, width: u32, scheme: &str) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// What is seen of the page, as WebP.
    pub fn picture(&mut self) -> Vec<u8> {
        let asked = json!({ "format": "webp", "quality": 80 });
        let answer = self.call("Page.captureScreenshot", &asked);
        STANDARD.decode(answer["data"].as_str().expect("a picture")).expect("base64")
    }

    /// Let pages run no scripts of their own.
    pub fn without_scripts(&mut self) {
        self.scripts = false;
        self.call("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    }

    /// What an expression comes to on the page.
    pub fn evaluate(&mut self, expression: &str) -> Json {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The text of the page as it is seen.
    pub fn text(&mut self) -> String {
        self.evaluate("document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// The path of the page's address.
    pub fn path(&mut self) -> String {
        self.evaluate("location.pathname").as_str().unwrap_or_default().to_owned()
    }

    /// Everything that must be seen is.
    pub fn sees(&mut self, wanted: &[&str]) {
        let text = self.text();
        for wanted in wanted {
            assert!(text.contains(wanted), "{wanted:?} is not on {}:\n{text}", self.path());
        }
    }

    /// Where the middle of the first link, button or summary is that reads so.
    fn place_of(&mut self, words: &str) -> (f64, f64) {
        let find = format!(
            "(() => {{
                const words = {};
                const all = [...document.querySelectorAll('main a, main button, main summary')];
                const seen = all.filter(one => one.checkVisibility());
                const one = seen.find(one => one.innerText.trim() === words)
                    ?? seen.find(one => one.innerText.includes(words));
                if (!one) return null;
                one.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                const box = one.getClientRects()[0];
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()",
            json!(words)
        );
        let place = self.evaluate(&find);
        let at = |axis: usize| place[axis].as_f64();
        let text = if place.is_null() { self.text() } else { String::new() };
        at(0).zip(at(1)).unwrap_or_else(|| panic!("nothing to click on reads {words:?}:\n{text}"))
    }

    fn press(&mut self, (x, y): (f64, f64)) {
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.pipe.call(&self.session, "Input.dispatchMouseEvent", &event);
        }
    }

    /// Click on what reads so; it leads to another page.
    pub fn follow(&mut self, words: &str) {
        let place = self.place_of(words);
        self.leads_on(|tab| tab.press(place));
    }

    /// Click on what reads so; the page stays.
    pub fn click(&mut self, words: &str) {
        let place = self.place_of(words);
        self.press(place);
        self.listen();
    }

    /// Answer the field of a label: type into it, or choose what reads so.
    pub fn answer(&mut self, label: &str, answer: &str) {
        let fill = format!(
            "(() => {{
                const [label, answer] = {};
                const all = [...document.querySelectorAll('label')];
                const field = all.find(one => one.innerText.trim().startsWith(label))?.control;
                if (!field) return false;
                if (field.tagName !== 'SELECT') {{ field.value = answer; return true; }}
                const choice = [...field.options].find(one => one.text.startsWith(answer));
                if (choice) field.value = choice.value;
                return Boolean(choice);
            }})()",
            json!([label, answer])
        );
        assert_eq!(self.evaluate(&fill), true, "{label} cannot be answered with {answer:?}");
    }

    /// Put files into the field of a label.
    pub fn attach(&mut self, label: &str, files: &[(&str, &str)]) {
        let put = format!(
            "(() => {{
                const [label, files] = {};
                const all = [...document.querySelectorAll('label')];
                const field = all.find(one => one.innerText.trim().startsWith(label))?.control;
                const carried = new DataTransfer();
                for (const [name, text] of files) carried.items.add(new File([text], name, {{ type: 'text/csv' }}));
                field.files = carried.files;
                return field.files.length;
            }})()",
            json!([label, files])
        );
        assert_eq!(self.evaluate(&put), files.len());
    }

    /// Wait until the page, renewing itself, says so.
    pub fn comes_to_say(&mut self, words: &str) {
        let wait = format!(
            "new Promise(said => {{
                const look = () => document.body.innerText.includes({}) && said(true);
                new MutationObserver(look).observe(document.body, {{ subtree: true, childList: true, characterData: true }});
                look();
            }})",
            json!(words)
        );
        assert_eq!(self.evaluate(&wait), true);
    }

    /// Nothing that axe knows of keeps anybody out, and nothing sticks out at the side. Without axe, or where pages run no
    /// scripts, only the latter.
    pub fn is_open_to_everybody(&mut self) {
        let over = self.evaluate("document.documentElement.scrollWidth - innerWidth");
        assert!(over.as_i64().unwrap_or_default() <= 0, "{} is {over} pixels too wide", self.path());
        let Some(axe) = axe().filter(|_| self.scripts) else { return };
        self.evaluate(&format!("{axe};0"));
        let run = format!(
            "axe.run({{ runOnly: {} }}).then(found => found.violations.map(one => one.id + ': ' + one.nodes[0].html))",
            json!(RULES)
        );
        let found = self.evaluate(&run);
        assert_eq!(found, json!([]), "{}", self.path());
    }
}

/// The accessibility checker's script.
fn axe() -> Option<String> {
    static SAID: Once = Once::new();
    let found = AXE.file().and_then(|path| std::fs::read_to_string(path).ok());
    if found.is_none() {
        SAID.call_once(|| {
            crate::note("pages are not checked with axe: it is not installed (cargo xtask setup)")
        });
    }
    found
}
