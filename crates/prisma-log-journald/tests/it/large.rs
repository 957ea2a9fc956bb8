//! Entries that no datagram holds.

use prisma_log_core::{Fields, Level, Record, Sink as _, Timestamp};

use crate::double::Double;

#[test]
fn large_entries_go_in_sealed_files_and_arrive_in_order() {
    let double = Double::new();
    let mut sink = double.sink();
    let sizes = [10, 100_000, 300_000, 1 << 20, 10, 40 << 20, 1];
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
    for (number, size) in sizes.into_iter().enumerate() {
        let text = "é\n".repeat(size / 3 + 1);
        let fields = Fields::from_iter([("payload", text.as_str())]);
        let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "shop", "large");
        record.fields = fields.as_ref();
        record.sequence = number as u64 + 1;
        sink.write(&[record]).unwrap();
        let entry = double.entries().remove(0);
        assert_eq!(entry.text("SEQ"), (number + 1).to_string());
        assert!(entry.text("PAYLOAD") == text, "{size} bytes");
        // In between it depends on what the system allows for a datagram.
        assert!(entry.in_file || size < 16 << 20, "{size} bytes");
        assert!(!entry.in_file || size > 100_000, "{size} bytes");
    }
    // No file stays open: that of an entry least of all.
    assert!(std::fs::read_dir("/proc/self/fd").unwrap().count() <= open + 8);
}

#[test]
fn what_is_larger_than_allowed_is_refused_alone() {
    let double = Double::new();
    let mut sink = double.builder().max_record_bytes(2_000).build().unwrap();
    let small = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "shop", "small");
    let text = "x".repeat(2_000);
    let large = Record::new(Timestamp::UNIX_EPOCH, Level::Info, "shop", &text);
    let failed = sink.write(&[small, large, small]).unwrap_err();
    assert_eq!((failed.delivered, failed.retry_after), (1, None));
    assert!(
        failed.error.is_data() && failed.error.to_string().contains("2000"),
        "{}",
        failed.error
    );
    sink.write(&[small]).unwrap();
    assert_eq!(double.entries().len(), 2);
}
