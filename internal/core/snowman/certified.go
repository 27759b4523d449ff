package snowman

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// What is decided and isn't here yet.

// fetch asks for the block that the certificate is for: who brought it, and then those in turn who signed it.
func (f *certifying) fetch() {
	if f.now.Sub(f.askedFor) < refetch {
		return
	}
	from := f.from
	if signers := f.certificate.Votes; f.asked > 0 {
		from = f.set.Node(signers[f.asked%len(signers)].Validator)
	}
	f.askedFor = f.now
	f.asked++
	f.issuing.fetching.want(f.certificate.Block, from)
}

// ask asks for the votes of the height, or for what they have decided.
func (f *certifying) ask(nodes []primitives.NodeID) {
	if f.instance != nil && f.certificate == nil {
		round, _, _ := f.instance.Round()
		f.emit(SendGetVotes{Nodes: nodes, Height: f.height, Round: round})
	}
}

// wait looks at the certificate again after a while.
func (f *certifying) wait() { f.askedFor = f.now }

// arrived takes the block that the certificate is for.
func (f *certifying) arrived(b *block.Block) {
	if f.certificate != nil && f.certificate.Block == b.ID() {
		f.block = b
	}
}
