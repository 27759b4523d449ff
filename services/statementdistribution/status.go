package statementdistribution

import "github.com/reevenet/reeve/overseer/subsystem"

// counts are what happened since the process began.
type counts struct {
	news     int64 // statements that peers have brought first
	verified int64 // signatures
	dropped  int64 // messages of peers that weren't looked at
	charged  int64 // reports of what costs a peer
}

// Status says how it is.
func (d *distribution) Status(s *subsystem.Status) {
	trouble, kept, waiting := "", 0, 0
	for _, r := range d.leaves.All() { // of several troubles any will do
		kept += len(r.verified)
		if r.trouble != nil {
			trouble = r.trouble.Error()
		}
	}
	for _, p := range d.peers {
		waiting += p.bytes + p.earlyBytes
	}
	s.Check("relay-parents", trouble)
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"known-peers", int64(len(d.peers))}, {"relay-parents", int64(d.leaves.Len())},
		{"listeners", int64(len(d.listeners))}, {"statements", int64(kept)}, {"waiting-bytes", int64(waiting)},
		{"fresh", d.news}, {"verified", d.verified}, {"dropped", d.dropped}, {"charged", d.charged},
	} {
		s.Number(f.name, f.value)
	}
}
