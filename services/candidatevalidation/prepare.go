package candidatevalidation

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// onPrepare makes code ready, one at a time: what comes meanwhile is made ready by its first candidate.
func (v *validation) onPrepare(code *primitivesv1.BlobRef) {
	want, err := primitives.HashFrom(code.GetHash())
	if v.preparing || err != nil {
		return
	}
	v.preparing = true
	v.sub.Blobs().Get(code, 0, -1, func(b subsystem.Blob, err error) {
		if err != nil {
			v.prepared(want, err)
			return
		}
		subsystem.Offload(v.sub, func() (primitives.Hash, error) { return primitives.HashOf(b.Bytes()), nil },
			func(got primitives.Hash, _ error) {
				if got != want {
					_ = b.Close() // it was only read
					v.prepared(want, subsystem.ErrBlobMissing)
					return
				}
				v.cfg.Runs.Prepare(want, b.Bytes(), func(err error) {
					_ = b.Close() // it was only read
					v.sub.Post(func() { v.prepared(want, err) })
				})
			})
	})
}

func (v *validation) prepared(code primitives.Hash, err error) {
	v.preparing = false
	if err != nil {
		v.sub.Log.Info("code can't be made ready ahead of its candidates", "code", code.Short(), "why", err)
		return
	}
	v.stats.prepared++
}
