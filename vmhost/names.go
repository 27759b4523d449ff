package vmhost

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/core/primitives"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// names are the ids that the VM has given to blocks, by their bytes. The same bytes have one id: a VM that gives another
// one is broken, and none of its answers may reach the record, which it would refuse after its next start.
type names struct {
	of    map[primitives.Hash]primitives.Hash
	order []primitives.Hash
}

// maxNames bounds them; the oldest is forgotten first.
const maxNames = 1024

// know remembers an id. known tells that the VM has said the same before; an error, that it has said another.
func (n *names) know(content []byte, id primitives.Hash) (known bool, err error) {
	key := primitives.HashOf(content)
	if before, ok := n.of[key]; ok {
		err := sameID(before, id)
		if err != nil {
			delete(n.of, key) // which of them is right isn't known
		}
		return true, err
	}
	if n.of == nil {
		n.of = make(map[primitives.Hash]primitives.Hash)
	}
	n.of[key] = id
	if n.order = append(n.order, key); len(n.order) > maxNames {
		delete(n.of, n.order[0])
		n.order = n.order[1:]
	}
	return false, nil
}

func sameID(before, now primitives.Hash) error {
	if before == now {
		return nil
	}
	return status.Errorf(codes.Internal, "the VM gave the same block the id %v and then %v", before.Short(), now.Short())
}

// confirm asks the VM again what it calls a block, before that is written anywhere.
func confirm(ctx context.Context, g *generation, content []byte, id primitives.Hash) error {
	answer, err := g.vm.ParseBlock(ctx, &pluginv1.ParseBlockRequest{Contents: [][]byte{content}})
	if err != nil {
		return err
	}
	results := answer.GetResults()
	if len(results) != 1 || results[0].GetError() != nil {
		return status.Errorf(codes.Internal, "the VM can't read the block %v, which it has verified", id.Short())
	}
	again, ok := hashOf(results[0].GetBlock().GetId())
	if !ok {
		return status.Errorf(codes.Internal, "the VM gives the block %v no id", id.Short())
	}
	return sameID(id, again)
}
