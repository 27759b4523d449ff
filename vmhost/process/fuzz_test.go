package process

import "testing"

// The handshake line and the log lines come from the plugin, which may be anything.
func FuzzHandshake(f *testing.F) {
	f.Add("1|1|unix|/tmp/x|grpc|")
	f.Add("1|99999999999999999999|a|b")
	f.Add("|||||")
	f.Fuzz(func(t *testing.T, line string) {
		if version, ok := parseHandshake(line); !ok && version != 0 {
			t.Errorf("%q: version %d and no handshake", line, version)
		}
	})
}

func FuzzLogLine(f *testing.F) {
	f.Add(`{"time":"2026-01-01T00:00:00Z","level":"INFO","msg":"hello","key":[1,2]}`)
	f.Add(`{"msg":1}`)
	f.Add(`{"level":"LOUD","msg":"x","protocolMax":1e300}`)
	f.Fuzz(func(t *testing.T, line string) {
		if r, ok := parseRecord(line); ok && (r.protocolMax < 0 || r.protocolMin < 0) {
			t.Errorf("%q: %+v", line, r)
		}
	})
}
