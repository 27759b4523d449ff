package bitfielddistribution

import "github.com/reevenet/reeve/overseer/subsystem"

// counts are what happened since the process began.
type counts struct {
	fresh   int64 // bitfields that were given to the provisioner
	dropped int64 // bitfields that are of no use
	surplus int64 // bitfields of peers that weren't looked at
	charged int64 // reports of what costs a peer
}

// Status says how bitfield-distribution is.
func (d *distribution) Status(s *subsystem.Status) {
	trouble := ""
	for _, j := range d.leaves.All() { // of several troubles any will do
		if j.trouble != "" {
			trouble = j.trouble
		}
	}
	s.Check("leaves", trouble)
	kept, waiting := d.core.Held()
	unverified := 0
	for _, bytes := range d.of {
		unverified += bytes
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"known-peers", int64(len(d.core.Peers()))}, {"leaves", int64(d.leaves.Len())}, {"bitfields", int64(kept)},
		{"waiting", int64(waiting)}, {"fresh", d.fresh}, {"dropped", d.dropped}, {"charged", d.charged},
		{"surplus", d.surplus}, {"unverified-bytes", int64(unverified)},
	} {
		s.Number(f.name, f.value)
	}
}
