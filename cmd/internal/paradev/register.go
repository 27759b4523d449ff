package paradev

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/vmhost/relayvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// Key reads the key of an owner, 64 hexadecimal digits, from a file that nobody else can read. It is made if it isn't
// there.
func Key(file string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		seed := make([]byte, ed25519.SeedSize)
		rand.Read(seed) //nolint:errcheck // it never fails
		return ed25519.NewKeyFromSeed(seed), disk.Replace(disk.OS{}, file, []byte(hex.EncodeToString(seed)+"\n"), 0o600)
	}
	if err != nil {
		return nil, err
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errcode.New(errcode.KeyBroken, "Name another file, or one that isn't there: it is made.", err,
			"%s holds no key", file)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// lookAgain is how often it is asked what has become of a transaction.
const lookAgain = 200 * time.Millisecond

// Register uploads a para's code, unless the relay chain knows it, and registers the para; told hears how far it is. It
// returns when the registration is in a block.
func (c *Client) Register(ctx context.Context, key ed25519.PrivateKey, p relayvm.GenesisPara, told func(string)) error {
	r := &registration{Client: c, key: key, code: primitives.HashOf(p.Code), told: told}
	head, err := c.head(ctx)
	if err != nil {
		return err
	}
	r.chain = head.ChainID
	if r.nonce, err = c.nonce(ctx, primitives.Hash(key.Public().(ed25519.PublicKey))); err != nil {
		return err
	}
	if err := r.upload(ctx, p.Code); err != nil {
		return err
	}
	return r.does(ctx, relayvm.Register{Para: p.ID, Kind: relayvm.Parachain, Code: r.code, Head: p.Head})
}

// registration makes one transaction after the other.
type registration struct {
	*Client
	key   ed25519.PrivateKey
	chain vmsdk.ID
	nonce uint64
	code  primitives.Hash
	told  func(string)
}

func (r *registration) upload(ctx context.Context, code []byte) error {
	known, err := r.knows(ctx, r.code)
	if err != nil || known {
		return err
	}
	parts := relayvm.Uploads(code)
	for i, part := range parts {
		if err := r.does(ctx, part); err != nil {
			return fmt.Errorf("part %d of %d of the code: %w", i+1, len(parts), err)
		}
		r.told(fmt.Sprintf("%d of %d bytes of the code are there", int(part.Offset)+len(part.Part), len(code)))
	}
	return nil
}

// does submits a transaction, and waits until it is in a block and has done what it says.
func (r *registration) does(ctx context.Context, call relayvm.Call) error {
	tx := relayvm.NewTx(r.chain, r.key, r.nonce, call)
	if err := r.submit(ctx, tx); err != nil {
		return err
	}
	r.nonce++
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		var v relayvm.TxView
		err := r.call(ctx, "transaction", map[string]any{"hash": tx.ID()}, &v)
		switch {
		case err != nil && !errors.Is(err, ErrAbsent):
			return err
		case v.Failure != "":
			return errors.New(v.Failure)
		case v.Status.Status == "accepted":
			return nil
		}
		select {
		case <-ctx.Done():
			return errcode.New(errcode.TookTooLong, "", ctx.Err(), "the relay chain hasn't taken a transaction")
		case <-tick.C:
		}
	}
}
