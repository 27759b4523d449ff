package relayvm

import (
	"context"

	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// Verify checks that the block was built with this context, and then everything that is in it, but not again what this
// node has checked before.
func (b *block) Verify(ctx context.Context, p vmsdk.Block, build vmsdk.BuildContext) error {
	b.vm.mu.Lock()
	defer b.vm.mu.Unlock()
	parent := p.(*block)
	if err := b.Fits(build); err != nil {
		return err
	}
	if b.Timestamp().Before(parent.Timestamp()) {
		return vmsdk.Invalidf("the block is older than its parent")
	}
	if b.state == nil {
		if err := b.check(ctx, parent, build.Inherent); err != nil {
			return err
		}
	}
	b.vm.kept.add(b.after)
	return nil
}

// Fits tells whether the consensus block around this one is one that it names.
func (b *block) Fits(c vmsdk.BuildContext) error {
	switch {
	case b.consensusParent != c.Parent:
		return vmsdk.Invalidf("the block names %v as the consensus block below it, it is on %v",
			b.consensusParent.Short(), c.Parent.Short())
	case b.inherentHash != hashInherent(c.Inherent):
		return vmsdk.Invalidf("the block comes with another inherent than the one that it names")
	case c.Time.UnixMilli() > 0 && b.Timestamp().UnixMilli() != c.Time.UnixMilli():
		return vmsdk.Invalidf("the block has another time than the consensus block around it")
	}
	return nil
}

// check executes the block.
func (b *block) check(ctx context.Context, parent *block, inherent []byte) error {
	if err := b.vm.pool.Verify(b.Txs); err != nil {
		return err
	}
	out, err := b.vm.execute(ctx, parent, blockAbove(parent, b.consensusParent, b.Timestamp()), inherent, b.Txs)
	if err != nil {
		return err
	}
	if out.root != b.Root {
		return vmsdk.Invalidf("the block claims state root %x, it is %x", b.Root[:4], out.root[:4])
	}
	b.take(out)
	return nil
}
