package assets

import "testing"

func TestLanguage(t *testing.T) {
	tests := []struct {
		locales []string
		want    string
	}{
		{nil, "en"},
		{[]string{"C"}, "en"},
		{[]string{"en_GB.UTF-8"}, "en"},
		{[]string{"zh_CN.UTF-8"}, "zh_Hans"},
		{[]string{"zh-Hans-CN"}, "zh_Hans"},
		{[]string{"ZH"}, "zh_Hans"},
		{[]string{"fr-CA", "zh-CN"}, "zh_Hans"},
		{[]string{"fr_FR", "de"}, "en"},
		{[]string{"zha"}, "en"}, // Zhuang
	}
	for _, test := range tests {
		if got := Language(test.locales); got != test.want {
			t.Errorf("%q: got %v; want %v", test.locales, got, test.want)
		}
	}
}

func TestSentences(t *testing.T) {
	for _, language := range Languages() {
		sentences, err := Sentences(language)
		if err != nil {
			t.Fatal(err)
		}
		for key, s := range sentences {
			if s.Other == "" {
				t.Errorf("%s: %s says nothing", language, key)
			}
		}
	}
	if _, err := Sentences("xx"); err == nil {
		t.Error("a language that there is not: got no error")
	}
}
