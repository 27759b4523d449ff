package collator

import "github.com/reevenet/reeve/overseer/subsystem"

// counts are what happened since the process began.
type counts struct {
	opportunities, made, advertised, included, refused int64
	served                                             int64 // bytes of proofs
	dropped                                            int64 // answers for which the bridge had no room
	charged                                            int64 // reports of what costs a peer
}

// Status says how it is.
func (c *collator) Status(s *subsystem.Status) {
	trouble, waiting := "", 0
	for _, r := range c.leaves.All() {
		if r.failed != nil { // of several any will do
			trouble = r.failed.Error()
		}
	}
	for _, col := range c.order {
		if !col.ended {
			waiting++
		}
	}
	s.Check("relay-parents", trouble)
	n := c.counts
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"paras", int64(len(c.paras))}, {"known-peers", int64(len(c.peers))}, {"under-way", int64(waiting)},
		{"opportunities", n.opportunities}, {"made", n.made}, {"advertised", n.advertised}, {"included", n.included},
		{"refused", n.refused}, {"served-bytes", n.served}, {"dropped", n.dropped}, {"charged", n.charged},
	} {
		s.Number(f.name, f.value)
	}
}
