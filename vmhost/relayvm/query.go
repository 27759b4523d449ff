package relayvm

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/inherent"
	"github.com/reevenet/reeve/internal/core/primitives"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// QueryRuntime answers a question about the state after a block. ErrNotFound: the block isn't known; unavailable: its
// state isn't kept any more; invalid: the question isn't well formed.
func (vm *VM) QueryRuntime(ctx context.Context, at vmsdk.RuntimeBlock, request []byte) (vmsdk.RuntimeAnswer, error) {
	q := &runtimeapiv1.RuntimeApiRequest{}
	if err := proto.Unmarshal(request, q); err != nil {
		return vmsdk.RuntimeAnswer{}, vmsdk.Invalidf("the question can't be read: %v", err)
	}
	k, err := vm.keptBlock(ctx, at.ID)
	if err != nil {
		return vmsdk.RuntimeAnswer{}, err
	}
	question := &question{ctx: ctx, vm: vm, kept: k, consensus: at.Consensus}
	answer, err := question.answer(q)
	if err != nil {
		return vmsdk.RuntimeAnswer{}, err
	}
	response, err := proto.Marshal(answer)
	return vmsdk.RuntimeAnswer{Response: response, Blobs: question.blobs}, err
}

// keptBlock is a block with its state.
func (vm *VM) keptBlock(ctx context.Context, id vmsdk.ID) (*kept, error) {
	if k := vm.kept.get(id); k != nil {
		return k, nil
	}
	if _, err := vm.chain.Blocks.ByID(ctx, id); err != nil {
		return nil, err
	}
	return nil, &vmsdk.UnavailableError{Cause: "the state after this block isn't kept any more"}
}

// CheckInherent is the part of an inherent that a block on the parent may have.
func (vm *VM) CheckInherent(ctx context.Context, at vmsdk.RuntimeBlock, raw []byte) ([]byte, error) {
	data, err := readInherent(raw)
	if err != nil {
		return nil, err
	}
	k, err := vm.keptBlock(ctx, at.ID)
	if err != nil {
		return nil, err
	}
	vm.mu.Lock()
	defer vm.mu.Unlock()
	r := &run{
		ctx: ctx, vm: vm, parent: &block{vm: vm, after: k},
		above: above{height: k.Height + 1, consensusParent: at.Consensus},
		state: k.state.Child(), world: k.world.child(),
	}
	usable, err := r.usable(data)
	if err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(usable)
}

// usable is what of an inherent a block may have.
func (r *run) usable(data *provisionerv1.InherentData) (*provisionerv1.InherentData, error) {
	o, err := r.read(data, false)
	if err != nil {
		return nil, err
	}
	chosen := inherent.Select(r.context(o), o.items())
	for _, left := range chosen.LeftOut {
		r.vm.chain.Log.Debug("left out of an inherent", "why", left.Error())
	}
	if err := r.use(o, chosen); err != nil {
		return nil, err
	}
	out, err := r.sift(data, false)
	if err != nil {
		return nil, err
	}
	for _, at := range chosen.Bitfields {
		out.Bitfields = append(out.Bitfields, o.data.GetBitfields()[at])
	}
	for _, at := range chosen.Candidates {
		out.BackedCandidates = append(out.BackedCandidates, o.data.GetBackedCandidates()[at])
	}
	return out, nil
}

// question is one that is being answered.
type question struct {
	ctx       context.Context
	vm        *VM
	kept      *kept
	consensus vmsdk.ID
	blobs     []vmsdk.RuntimeBlob
}

// entry is an entry of the state that isn't part of the world; nil: there is none.
func (q *question) entry(key string) ([]byte, error) {
	q.vm.mu.Lock()
	defer q.vm.mu.Unlock()
	values, err := q.kept.state.Read(q.ctx, []string{key})
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

func (q *question) codeSize(code primitives.Hash) (uint64, error) {
	entry, err := q.entry(codeSizeKey(code))
	return amount(entry), err
}
