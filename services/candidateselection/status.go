package candidateselection

import "github.com/reevenet/reeve/overseer/subsystem"

// counts are what happened since the process began.
type counts struct {
	taken, fetched, proposed, invalid, seconded, included, refused int64 // collations
	charged                                                        int64 // reports of what costs a peer
	untold                                                         int64 // steps for which the bridge had no room
}

// Status says how it is.
func (s *selection) Status(st *subsystem.Status) {
	trouble, waiting, fetching := "", 0, 0
	for _, r := range s.leaves.All() {
		if r.failed != nil { // of several any will do
			trouble = r.failed.Error()
		}
		fetching += len(r.fetches)
		for _, o := range r.offers {
			if !o.ended && !o.tried {
				waiting++
			}
		}
	}
	st.Check("relay-parents", trouble)
	c := s.counts
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"known-peers", int64(len(s.peers))}, {"waiting", int64(waiting)}, {"fetching", int64(fetching)},
		{"taken", c.taken}, {"fetched", c.fetched}, {"proposed", c.proposed}, {"invalid", c.invalid},
		{"seconded", c.seconded}, {"included", c.included}, {"refused", c.refused}, {"charged", c.charged},
		{"untold", c.untold}, {"banned", int64(len(s.banned))},
	} {
		st.Number(n.name, n.value)
	}
}
