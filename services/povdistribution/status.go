package povdistribution

import "github.com/reevenet/reeve/overseer/subsystem"

// counts are what happened since the process began.
type counts struct {
	fetched int64 // proofs that others sent
	served  int64 // bytes that others were sent
	dropped int64 // answers for which the bridge had no room
	charged int64 // reports of what costs a peer
}

// Status says how it is.
func (d *distribution) Status(s *subsystem.Status) {
	trouble := ""
	for _, r := range d.leaves.All() { // of several troubles any will do
		if r.trouble != nil {
			trouble = r.trouble.Error()
		}
	}
	s.Check("relay-parents", trouble)
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"known-peers", int64(len(d.peers))}, {"relay-parents", int64(d.leaves.Len())},
		{"proofs", int64(len(d.shelf.blobs))}, {"fetching", int64(len(d.fetching()))},
		{"fetched", d.fetched}, {"served-bytes", d.served}, {"dropped", d.dropped}, {"charged", d.charged},
	} {
		s.Number(f.name, f.value)
	}
}
