//! What the sweep lets a sink do.

use std::time::Duration;

use prisma_log_core::SinkCommand;

use crate::model_tests::outside::Act;
use crate::model_tests::service::Setup;
use crate::{Compression, Every, Retention, Rotation, Sync};

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Records of so many bytes, those before that were not taken first.
    Write(&'static [usize]),
    OtherWrites(&'static [usize]),
    OtherRotates,
    Wait(Duration),
    Maintain,
    Flush,
    Tell(SinkCommand),
    Compress,
    Restart,
    /// The process dies, and nobody knows whether its last batch was taken.
    Forget,
    Somebody(Act),
    /// So many bytes are left on the disk.
    Room(Option<u64>),
    /// A writer that is dead by now left half a record at the end of the file.
    Half,
}

pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) setup: fn() -> Setup,
    /// Whether the folder is there at the beginning.
    pub(super) folder: bool,
    /// Whether another process has the file open as well, in which nothing goes wrong.
    pub(super) two: bool,
    pub(super) steps: &'static [Step],
}

impl Script {
    /// Whether this build can do what the script asks for.
    pub(super) fn is_built_in(&self) -> bool {
        (self.setup)().compression.packing().is_none_or(|packing| packing.is_built_in())
    }

    /// Most bytes that are written at once.
    pub(super) fn batch(&self) -> u64 {
        let sizes = self.steps.iter().map(|step| match step {
            Step::Write(sizes) | Step::OtherWrites(sizes) => sizes.iter().sum(),
            _ => 0,
        });
        sizes.sum::<usize>() as u64
    }
}

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);
const SOME: &[usize] = &[100, 60, 200];
const MANY: &[usize] = &[300, 300, 300, 300, 300];

pub(super) const ALL: &[Script] = &[
    Script {
        name: "start",
        setup: || Setup { sync_on_flush: true, ..Setup::plain() },
        folder: false,
        two: false,
        steps: &[Step::Write(SOME), Step::Flush, Step::Restart, Step::Write(SOME), Step::Flush],
    },
    Script {
        name: "write",
        setup: Setup::plain,
        folder: true,
        two: false,
        steps: &[
            Step::Write(SOME),
            Step::Write(&[1500]),
            Step::Write(MANY),
            Step::Half,
            Step::Write(SOME),
            Step::Flush,
        ],
    },
    Script {
        name: "size",
        setup: || Setup {
            rotation: Some(Rotation::new().max_bytes(1024)),
            retention: Retention::new().archives(2),
            sync_on_flush: true,
            ..Setup::plain()
        },
        folder: true,
        two: false,
        steps: &[
            Step::Write(MANY),
            Step::Write(SOME),
            Step::Flush,
            Step::Write(MANY),
            Step::Write(SOME),
            Step::Flush,
        ],
    },
    Script {
        name: "clock",
        setup: || Setup {
            rotation: Some(Rotation::new().every(Every::Hour).zone("Europe/Berlin")),
            retention: Retention::new().age(HOUR * 2),
            ..Setup::plain()
        },
        folder: true,
        two: false,
        steps: &[
            Step::Write(SOME),
            Step::Wait(HOUR),
            Step::Maintain,
            Step::Write(SOME),
            Step::Wait(HOUR),
            Step::Write(SOME),
            Step::Wait(HOUR),
            Step::Wait(HOUR),
            Step::Maintain,
            Step::Write(SOME),
        ],
    },
    Script {
        name: "space",
        setup: || Setup {
            rotation: Some(Rotation::new().max_bytes(2048)),
            retention: Retention::new().total_bytes(8192).free_space(1000),
            ..Setup::plain()
        },
        folder: true,
        two: false,
        steps: &[
            Step::Write(MANY),
            Step::Write(MANY),
            Step::Write(MANY),
            Step::Write(MANY),
            Step::Write(MANY),
            Step::Write(MANY),
            Step::Room(Some(1500)),
            Step::Wait(Duration::from_secs(2)),
            Step::Write(SOME),
            Step::Write(SOME),
            Step::Room(None),
            Step::Write(SOME),
        ],
    },
    Script {
        name: "full",
        setup: || Setup {
            rotation: Some(Rotation::new().max_bytes(1024)),
            when_full: Some(1),
            ..Setup::plain()
        },
        folder: true,
        two: false,
        steps: &[
            Step::Write(MANY),
            Step::Room(Some(400)),
            Step::Write(MANY),
            Step::Wait(SECOND),
            Step::Write(SOME),
            Step::Room(None),
            Step::Wait(SECOND),
            Step::Write(SOME),
        ],
    },
    Script {
        name: "gzip",
        setup: || packed(Compression::Gzip),
        folder: true,
        two: false,
        steps: PACKING,
    },
    Script {
        name: "zstd",
        setup: || packed(Compression::Zstd),
        folder: true,
        two: false,
        steps: PACKING,
    },
    Script {
        name: "link",
        setup: || Setup { link: true, sync_on_flush: true, ..Setup::plain() },
        folder: true,
        two: false,
        steps: &[
            Step::Write(SOME),
            Step::Somebody(Act::TurnLink),
            Step::Tell(SinkCommand::Reopen),
            Step::Somebody(Act::MoveFolder),
            Step::Write(SOME),
            Step::Flush,
        ],
    },
    Script {
        name: "group",
        setup: || Setup {
            sync: Sync::Every { interval: SECOND, records: 4 },
            rotation: Some(Rotation::new().max_bytes(1024)),
            ..Setup::plain()
        },
        folder: true,
        two: false,
        steps: &[
            Step::Write(SOME),
            Step::Wait(SECOND),
            Step::Maintain,
            Step::Write(SOME),
            Step::Write(MANY),
            Step::Wait(SECOND),
            Step::Maintain,
            Step::Write(SOME),
            Step::Flush,
        ],
    },
    Script {
        name: "reopen",
        setup: || Setup { sync_on_flush: true, ..Setup::plain() },
        folder: true,
        two: false,
        steps: &[
            Step::Write(SOME),
            Step::Somebody(Act::Rename),
            Step::Write(SOME),
            Step::Somebody(Act::Rename),
            Step::Tell(SinkCommand::Reopen),
            Step::Write(SOME),
            Step::Flush,
            Step::Somebody(Act::Delete),
            Step::Write(SOME),
            Step::Somebody(Act::CopyTruncate),
            Step::Write(SOME),
            Step::Somebody(Act::DeleteFolder),
            Step::Write(SOME),
            Step::Flush,
        ],
    },
    Script {
        name: "two",
        setup: || Setup {
            rotation: Some(Rotation::new().max_bytes(2048)),
            retention: Retention::new().archives(3),
            sync_on_flush: true,
            ..Setup::plain()
        },
        folder: true,
        two: true,
        steps: &[
            Step::OtherWrites(SOME),
            Step::Write(SOME),
            Step::Half,
            Step::Write(SOME),
            Step::OtherWrites(MANY),
            Step::Write(MANY),
            Step::OtherRotates,
            Step::Write(SOME),
            Step::Flush,
            Step::Tell(SinkCommand::Rotate),
            Step::Write(SOME),
            Step::Flush,
        ],
    },
    Script {
        name: "look-back",
        setup: || Setup {
            rotation: Some(Rotation::new().max_bytes(2048).on_start(true)),
            ..Setup::plain()
        },
        folder: true,
        two: false,
        steps: &[
            Step::Write(SOME),
            Step::Write(MANY),
            Step::Forget,
            Step::Write(MANY),
            Step::Half,
            Step::Restart,
            Step::Write(SOME),
        ],
    },
];

const PACKING: &[Step] = &[
    Step::Write(MANY),
    Step::Write(MANY),
    Step::Compress,
    Step::Write(MANY),
    Step::Compress,
    Step::Restart,
    Step::Compress,
    Step::Write(SOME),
];

fn packed(compression: Compression) -> Setup {
    Setup {
        rotation: Some(Rotation::new().max_bytes(1024)),
        retention: Retention::new().archives(8),
        compression,
        ..Setup::plain()
    }
}
