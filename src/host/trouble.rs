//! Why a process follows etcd by itself, or publishes for no one.

use super::event::Role;

/// What keeps a process from sharing its host's copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What happened, without a period.
    pub message: String,
    /// Whether it is this process's own, and not that of its leader.
    pub is_own: bool,
}

/// What went wrong last, in this process and with its leader.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    own: Option<String>,
    leader: Option<String>,
    said: Option<Trouble>,
}

impl Troubles {
    /// Records what this process could not do; `None` if that works again.
    pub(super) fn set_own(&mut self, message: Option<String>) {
        self.own = message;
    }

    /// Records why this process cannot rely on its leader; `None` if it can.
    pub(super) fn set_leaders(&mut self, message: Option<String>) {
        self.leader = message;
    }

    /// Decides what a process with this role says. Returns whether that differs from what it said before.
    pub(super) fn update(&mut self, role: Role) -> bool {
        let trouble =
            |message: &Option<String>, is_own| message.clone().map(|message| Trouble { message, is_own });
        let (here, there) = (trouble(&self.own, true), trouble(&self.leader, false));
        let now = match role {
            // It passes within a second.
            Role::Seeking => return false,
            // Between two attempts, what went wrong in the last one is still the reason.
            Role::Orphan => here.or(there).or_else(|| self.said.clone()),
            Role::Leader => here,
            Role::Follower | Role::Stopped => {
                (self.own, self.leader) = (None, None);
                None
            }
        };
        let differs = now != self.said;
        self.said = now;
        differs
    }

    /// What the process says; `None` if nothing keeps it from sharing the copy.
    pub(super) fn said(&self) -> Option<Trouble> {
        self.said.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(message: &str) -> Trouble {
        Trouble { message: message.into(), is_own: true }
    }

    /// What is said, if it differs from before.
    fn news(troubles: &mut Troubles, role: Role) -> Vec<Option<Trouble>> {
        if troubles.update(role) { vec![troubles.said()] } else { Vec::new() }
    }

    #[test]
    fn an_orphan_says_its_own_trouble_first_and_keeps_the_last_one_between_two_attempts() {
        let mut troubles = Troubles::default();
        assert_eq!(news(&mut troubles, Role::Orphan), []);
        troubles.set_leaders(Some("it is stopped".into()));
        let stopped = Trouble { message: "it is stopped".into(), is_own: false };
        assert_eq!(news(&mut troubles, Role::Orphan), [Some(stopped)]);
        troubles.set_own(Some("the disk is full".into()));
        assert_eq!(news(&mut troubles, Role::Orphan), [Some(own("the disk is full"))]);
        troubles.set_own(None);
        troubles.set_leaders(None);
        assert_eq!(news(&mut troubles, Role::Orphan), []);
        assert_eq!(news(&mut troubles, Role::Seeking), []);
        assert_eq!(news(&mut troubles, Role::Follower), [None]);
    }

    #[test]
    fn a_leader_has_nothing_to_say_about_a_former_leader_and_a_follower_forgets() {
        let mut troubles = Troubles::default();
        troubles.set_leaders(Some("it is stopped".into()));
        assert_eq!(news(&mut troubles, Role::Leader), []);
        troubles.set_own(Some("no memory".into()));
        assert_eq!(news(&mut troubles, Role::Leader), [Some(own("no memory"))]);
        assert_eq!(news(&mut troubles, Role::Follower), [None]);
        assert_eq!(news(&mut troubles, Role::Orphan), []);
    }
}
