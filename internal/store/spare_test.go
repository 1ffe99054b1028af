//go:build linux

package store

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

func TestTheSpareFileIsGivenUpForATransactionThatDoesNotFit(t *testing.T) {
	s, path := openTest(t)
	held := func() bool {
		info, err := os.Stat(path + "-spare")
		return err == nil && info.Size() == spareSize
	}
	if !held() {
		t.Skip("this file system reserves no space")
	}
	limit := func(pages string) {
		t.Helper()
		if err := s.Update(t.Context(), CrashSafe, func(ctx context.Context, tx *Tx) error {
			_, err := tx.conn.ExecContext(ctx, "PRAGMA max_page_count = "+pages)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // which is as many as there are
	calls := 0
	err := s.Update(t.Context(), PowerSafe, func(ctx context.Context, tx *Tx) error {
		if calls++; calls > 1 {
			if _, err := tx.conn.ExecContext(ctx, "PRAGMA max_page_count = 100000"); err != nil {
				return err
			}
		}
		return tx.PutSetting(ctx, "123456789012", "large", RegistryPolicy, strings.Repeat("x", 1<<20), "", 1)
	})
	if err != nil || calls != 2 {
		t.Errorf("a write that did not fit was tried %d times and ended with %v", calls, err)
	}
	if held() {
		t.Error("the spare file is still there")
	}

	// Without it, what does not fit is refused.
	limit("1")
	err = s.Update(t.Context(), PowerSafe, func(ctx context.Context, tx *Tx) error {
		return tx.PutSetting(ctx, "123456789012", "larger", RegistryPolicy, strings.Repeat("x", 2<<20), "", 1)
	})
	if !IsFull(err) {
		t.Errorf("a write that does not fit ends with %v", err)
	}
	limit("100000")

	until := time.Now().Add(10 * spareInterval)
	for text := "a"; !held() && time.Now().Before(until); text += "a" {
		if err := s.Update(t.Context(), CrashSafe, func(ctx context.Context, tx *Tx) error {
			return tx.PutSetting(ctx, "123456789012", "small", RegistryPolicy, text, "", 1)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if !held() {
		t.Error("the spare file is not made again")
	}
}

func TestTheSpareFileIsMadeWhereItsSpaceIsFreeTwice(t *testing.T) {
	path := t.TempDir() + "/spare"
	s := openSpare(path)
	if s.never {
		t.Skip("this file system reserves no space")
	}
	if !s.held || !s.giveUp() || s.giveUp() {
		t.Error("it is not given up once")
	}
	s.renew()
	if s.held {
		t.Error("it is made again at once")
	}
	s.tried, s.size = time.Time{}, 1<<60
	s.renew()
	if _, err := os.Stat(path); err == nil || s.held {
		t.Error("it is made without space for it")
	}
	// One that lost a part is completed.
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = openSpare(path)
	if info, err := os.Stat(path); err != nil || info.Size() != spareSize || !s.held {
		t.Errorf("a short one is left as it is: %v, %v", info, err)
	}
}
