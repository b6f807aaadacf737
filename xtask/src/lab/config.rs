//! The configuration of a director, made from `examples/quickstart.conf`.

/// The quick-start file with what two directors and the tests vary.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Priority of both instances.
    pub priority: u8,
    /// VRRP version; 2 drops the IPv6 instance, which it does not know.
    pub version: u8,
    /// `advert_int` in seconds.
    pub advert_interval: f64,
    /// Put at the end.
    pub more: String,
}

impl Template {
    /// The file as director 1 or 2 runs it.
    #[must_use]
    pub const fn director(number: u8) -> Self {
        Self {
            priority: if number == 1 { 150 } else { 100 },
            version: 3,
            advert_interval: 0.1,
            more: String::new(),
        }
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = include_str!("../../../examples/quickstart.conf")
            .replace("priority 150", &format!("priority {}", self.priority))
            .replace("version 3", &format!("version {}", self.version))
            .replace(
                "advert_int 0.1",
                &format!("advert_int {}", self.advert_interval),
            );
        if self.version == 2 {
            text = without_block(&text, "vrrp_instance front6");
        }
        text.push_str(&self.more);
        text
    }
}

/// Cuts the block that starts with `head` at the beginning of a line and ends with `}` there.
fn without_block(text: &str, head: &str) -> String {
    let Some(start) = text.find(head) else {
        return text.to_owned();
    };
    let end = text[start..]
        .find("\n}\n")
        .map_or(text.len(), |length| start + length + 3);
    format!("{}{}", &text[..start], &text[end..])
}

#[cfg(test)]
mod tests;
