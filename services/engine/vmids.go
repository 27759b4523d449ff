package engine

import "github.com/reevenet/reeve/internal/core/primitives"

// vmIDs maps consensus blocks to the VM blocks that they wrap, from the last accepted one on. Two may wrap the same
// one, which is in use as long as one of them is here.
type vmIDs struct {
	vm   map[primitives.Hash]primitives.Hash
	uses map[primitives.Hash]int
	root primitives.Hash // the last accepted block
}

func newVMIDs() *vmIDs {
	return &vmIDs{vm: make(map[primitives.Hash]primitives.Hash), uses: make(map[primitives.Hash]int)}
}

func (v *vmIDs) of(id primitives.Hash) (primitives.Hash, bool) {
	vm, ok := v.vm[id]
	return vm, ok
}

func (v *vmIDs) used(vm primitives.Hash) bool { return v.uses[vm] > 0 }

func (v *vmIDs) add(id, vm primitives.Hash) {
	if _, known := v.vm[id]; !known {
		v.vm[id] = vm
		v.uses[vm]++
	}
}

func (v *vmIDs) drop(id primitives.Hash) {
	vm, known := v.vm[id]
	if !known {
		return
	}
	delete(v.vm, id)
	if v.uses[vm]--; v.uses[vm] == 0 {
		delete(v.uses, vm)
	}
}

// stand makes a block the last accepted one; the one before is forgotten.
func (v *vmIDs) stand(id, vm primitives.Hash) {
	if v.root != id {
		v.drop(v.root)
	}
	v.root = id
	v.add(id, vm)
}
