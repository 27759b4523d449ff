package relayvm

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Configure stages a configuration for the next session, by the authority.
type Configure struct{ Configuration }

func (Configure) kind() byte { return 5 }

func (c Configure) encode() []byte { return encodeJSON(c.Configuration) }

func readConfigure(b []byte) (Call, error) {
	var c Configure
	if err := decodeJSON(b, &c.Configuration); err != nil {
		return nil, err
	}
	return c, c.Check()
}

func (c Configure) apply(r *run, by primitives.Hash) (string, error) {
	if why, err := r.mayRule(by); why != "" || err != nil {
		return why, err
	}
	next := c.Configuration
	r.world.config = &settings{Active: r.world.config.Active, Next: &next}
	r.world.touch(keyConfig)
	return "", nil
}

// Validators stages the validators of the next session, by the authority.
type Validators []Validator

func (Validators) kind() byte { return 6 }

func (c Validators) encode() []byte { return encodeJSON([]Validator(c)) }

func readValidators(b []byte) (Call, error) {
	var c Validators
	if err := decodeJSON(b, (*[]Validator)(&c)); err != nil {
		return nil, err
	}
	return c, checkValidators(c)
}

func (c Validators) apply(r *run, by primitives.Hash) (string, error) {
	if why, err := r.mayRule(by); why != "" || err != nil {
		return why, err
	}
	next := *r.world.session
	next.Next = c
	r.world.session = &next
	r.world.touch(keySession)
	return "", nil
}

// mayRule says why an account may not change what the authority may.
func (r *run) mayRule(by primitives.Hash) (why string, err error) {
	key, err := r.get(keyAuthority)
	switch {
	case err != nil:
		return "", err
	case by.IsZero() || !bytes.Equal(key, by[:]):
		return "only the authority may", nil
	}
	return "", nil
}

func encodeJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("%T has no encoding: %v", v, err)) // its types have one, whatever their values
	}
	return b
}

// decodeJSON reads one value with nothing after it and no field that isn't known.
func decodeJSON(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.InputOffset() != int64(len(b)) {
		return fmt.Errorf("there is something after the JSON")
	}
	return nil
}
