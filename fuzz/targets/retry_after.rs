#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| amika_fuzz::retry_after(data));
