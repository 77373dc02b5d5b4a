package enrich

import "slices"

// Rules lists the built-in rules in the order in which they are tried: the
// dialects of providers, whose words are exact; then wordings that anyone may
// use, from what names one cause to what could mean many; at last the words
// that hardly say why.
func Rules() []Rule {
	return slices.Concat(
		softwareRules(), gatewayRules(), googleRules(), microsoftRules(), yahooRules(), chineseRules(), americaRules(),
		filterRules(),
		europeRules(), accessRules(),
		reputationRules(), identityRules(), domainRules(), recipientRules(),
		localRules(), formRules(), looseRules(), languageRules(), weakRules(),
	)
}
