//! Everything with the keyboard alone.

use serde_json::{Value as Json, json};

use super::Tab;

/// So many presses of Tab lead to everything a page has.
const FAR: usize = 150;

/// Keys that are held meanwhile, as the protocol counts them.
const NOTHING_HELD: u8 = 0;
const SHIFT: u8 = 8;

/// What has the focus: its name, whether that can be seen, and whether it is in view.
const FOCUSED: &str = "(() => {
    const one = document.activeElement;
    const name = one.labels?.[0]?.innerText ?? one.getAttribute('aria-label') ?? one.innerText;
    // What stands within a field of a day shows its focus itself.
    const shows = one.type === 'date' || [null, '::before', '::after'].some(part => {
        const style = getComputedStyle(one, part);
        return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
    });
    const box = one.getBoundingClientRect();
    return [name.trim(), shows, box.bottom > 0 && box.top < innerHeight, one.tagName];
})()";

impl Tab {
    /// Press a key: `Tab`, `Enter`, `Escape`, or a letter.
    pub fn key(&mut self, key: &str) {
        self.key_with(key, NOTHING_HELD);
    }

    fn key_with(&mut self, key: &str, held: u8) {
        let (code, text) = match key {
            "Tab" => (9, None),
            "Enter" => (13, Some("\r")),
            "Escape" => (27, None),
            letter => (0, Some(letter)),
        };
        for kind in ["keyDown", "keyUp"] {
            let text = text.filter(|_| kind == "keyDown").unwrap_or_default();
            let event = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code, "text": text, "modifiers": held });
            self.pipe.call(&self.session, "Input.dispatchKeyEvent", &event);
        }
        self.listen();
    }

    /// Type into what has the focus.
    pub fn write(&mut self, text: &str) {
        text.chars().for_each(|letter| self.key(&letter.to_string()));
    }

    /// Press Enter; it leads to another page.
    pub fn enter(&mut self) {
        self.leads_on(|tab| tab.key("Enter"));
    }

    /// Go on with Tab until what reads so, or is labelled so, has the focus. On the way the focus is always seen.
    pub fn reach(&mut self, words: &str) {
        self.step_to(words, NOTHING_HELD);
    }

    /// The same backwards, with Shift and Tab.
    pub fn back_to(&mut self, words: &str) {
        self.step_to(words, SHIFT);
    }

    fn step_to(&mut self, words: &str, held: u8) {
        let mut passed = Vec::new();
        for _ in 0..FAR {
            self.key_with("Tab", held);
            let focused = self.evaluate(FOCUSED);
            let name = focused[0].as_str().unwrap_or_default().to_owned();
            assert_ne!(focused[3], "BODY", "{words:?} is not reached: {passed:?}");
            let seen = [&focused[1], &focused[2]].iter().all(|said| **said == Json::Bool(true));
            assert!(seen, "the focus on {name:?} is not seen on {}: {focused}", self.path());
            if name.starts_with(words) {
                return;
            }
            passed.push(name);
        }
        panic!("{words:?} is not reached: {passed:?}");
    }
}
