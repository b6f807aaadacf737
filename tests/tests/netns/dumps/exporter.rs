//! How exporters for Prometheus read keepalived's files, by the rules that public ones have in common.

/// What is counted of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) name: String,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) became_master: u64,
    pub(crate) others: Vec<(String, u64)>,
}

/// Two blanks before a heading or a figure, four before a figure below a heading; anything else is an error.
pub(crate) fn read_counters(text: &str) -> Vec<Counters> {
    let mut all: Vec<Counters> = Vec::new();
    let mut section = String::new();
    for line in text.lines() {
        let (key, value) = line
            .split_once(':')
            .unwrap_or_else(|| panic!("no colon in {line:?}"));
        let (name, value) = (key.trim(), value.trim());
        match key.len() - key.trim_start().len() {
            0 => {
                assert_eq!(name, "VRRP Instance");
                all.push(Counters {
                    name: value.to_owned(),
                    ..Counters::default()
                });
            }
            2 if value.is_empty() => name.clone_into(&mut section),
            indent @ (2 | 4) => {
                if indent == 2 {
                    section.clear();
                }
                let number = value
                    .parse()
                    .unwrap_or_else(|_| panic!("no number in {line:?}"));
                let last = all.last_mut().unwrap();
                match (&*section, name) {
                    ("Advertisements", "Received") => last.received = number,
                    ("Advertisements", "Sent") => last.sent = number,
                    ("", "Became master") => last.became_master = number,
                    _ => last.others.push((format!("{section}/{name}"), number)),
                }
            }
            other => panic!("{other} blanks before {line:?}"),
        }
    }
    all
}

/// What is told of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) wanted: String,
    pub(crate) interface: String,
    pub(crate) vrid: u8,
    pub(crate) garp_delay: u32,
    pub(crate) addresses: Vec<String>,
}

/// A blank before `VRRP Instance = NAME`, three before `Key = value`, five before what belongs to a key.
pub(crate) fn read_state(text: &str) -> Vec<State> {
    let mut all: Vec<State> = Vec::new();
    let (mut is_inside, mut key) = (false, String::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix(" VRRP Instance = ") {
            is_inside = true;
            all.push(State {
                name: name.to_owned(),
                ..State::default()
            });
            continue;
        }
        is_inside &= line.starts_with("   ");
        let Some(last) = all.last_mut().filter(|_| is_inside) else {
            continue;
        };
        if let Some(element) = line.strip_prefix("     ") {
            if key.starts_with("Virtual IP (") {
                last.addresses.push(element.to_owned());
            }
            continue;
        }
        let (name, value) = line
            .split_once('=')
            .or_else(|| line.split_once(':'))
            .unwrap_or((line, ""));
        name.trim().clone_into(&mut key);
        let value = value.trim();
        match &*key {
            "State" => value.clone_into(&mut last.state),
            "Wantstate" => value.clone_into(&mut last.wanted),
            "Interface" => value.clone_into(&mut last.interface),
            "Virtual Router ID" => last.vrid = value.parse().unwrap(),
            "Gratuitous ARP delay" => last.garp_delay = value.parse().unwrap(),
            _ => {}
        }
    }
    all
}

/// The name and the status of each script.
pub(crate) fn read_scripts(text: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix(" VRRP Script = ") {
            is_inside = true;
            all.push((name.to_owned(), String::new()));
        } else if !line.starts_with("   ") {
            is_inside = false;
        } else if let (true, Some(status), Some(last)) =
            (is_inside, line.strip_prefix("   Status = "), all.last_mut())
        {
            status.clone_into(&mut last.1);
        }
    }
    all
}
