package relayvm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

func (u *users) rpcOffences(ctx context.Context, _ json.RawMessage) (any, error) {
	return list[Offence](ctx, u.vm.chain.Durable, keyOffence)
}

func (u *users) rpcDisputes(ctx context.Context, _ json.RawMessage) (any, error) {
	return list[Dispute](ctx, u.vm.chain.Durable, keyDispute)
}

// maxListed is how many entries one call lists.
const maxListed = 1000

// list reads the entries whose keys begin so.
func list[T any](ctx context.Context, db database.Reader, prefix string) ([]T, error) {
	all := []T{}
	it := db.Iterate(ctx, []byte(prefix), database.PrefixEnd([]byte(prefix)))
	defer it.Close()
	for it.Next() && len(all) < maxListed {
		var v T
		if err := json.Unmarshal(it.Value(), &v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, it.Err()
}

// byHash is the parameter of calls that ask for something by its hash.
type byHash struct {
	Hash primitives.Hash `json:"hash"`
}

func (u *users) rpcCandidate(ctx context.Context, params json.RawMessage) (any, error) {
	q, err := read[byHash](params)
	if err != nil {
		return nil, err
	}
	content, err := u.vm.chain.Durable.Get(ctx, append([]byte(keyCandidate), q.Hash[:]...))
	if errors.Is(err, vmsdk.ErrNotFound) {
		return nil, unknown(fmt.Sprintf("no block has had a candidate %v", q.Hash))
	}
	if err != nil {
		return nil, err
	}
	var h Happened
	return &h, json.Unmarshal(content, &h)
}

func (u *users) rpcCode(ctx context.Context, params json.RawMessage) (any, error) {
	q, err := read[byHash](params)
	if err != nil {
		return nil, err
	}
	entry, err := u.vm.chain.Durable.Get(ctx, []byte(codeSizeKey(q.Hash)))
	if errors.Is(err, vmsdk.ErrNotFound) {
		return nil, unknown(fmt.Sprintf("no code with the hash %v has been uploaded", q.Hash))
	}
	return map[string]any{"hash": q.Hash, "size": amount(entry)}, err
}

func (u *users) rpcAccount(ctx context.Context, params json.RawMessage) (any, error) {
	q, err := read[struct {
		Account primitives.Hash `json:"account"`
	}](params)
	if err != nil {
		return nil, err
	}
	entry, err := u.vm.chain.Durable.Get(ctx, []byte(balanceKey(q.Account)))
	if err != nil && !errors.Is(err, vmsdk.ErrNotFound) {
		return nil, err
	}
	next, err := u.vm.pool.Account(ctx, q.Account)
	return map[string]any{
		"account": q.Account, "balance": amount(entry), "nonce": next.Nonce, "pendingNonce": next.Pending,
	}, err
}
