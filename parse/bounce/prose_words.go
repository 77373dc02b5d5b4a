package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// The words by which mails of no known form are told for bounce mails, in the
// languages of the mail systems' templates. They decide only together: a
// program's mail that speaks of a failure and names whom it concerns.

// daemonAddress tells addresses under which mail systems write their reports.
func daemonAddress(address string) bool {
	local, _, _ := strings.Cut(values.LowerASCII(strings.Trim(address, "<> ")), "@")
	for _, name := range []string{"mailer-daemon", "mailer_daemon", "mailerdaemon", "postmaster", "post_master",
		"post-master", "mail-daemon", "maildaemon",
		"mdaemon", "mailer", "mail.daemon", "double-bounce", "mmdf", "mail-delivery", "maildelivery", "mailsystem",
		"mail-system", "microsoftexchange"} {
		if rest, ok := strings.CutPrefix(local, name); ok && (rest == "" || name != "mailer" && (rest[0]-'a' > 25)) {
			return true
		}
	}
	return strings.HasPrefix(local, "microsoftexchange")
}

// failureSubject tells subjects that announce a failure, in any language.
// Answers and forwarded mails talk about one.
func failureSubject(subject string) bool {
	if subject == "" {
		return false
	}
	subject = strings.ToLower(strings.TrimSpace(subject[:min(len(subject), 400)]))
	for _, lead := range [...]string{"re:", "fwd:", "fw:", "aw:", "wg:", "tr:", "回复", "转发", "答复", "rv:", "sv:", "vs:",
		"odp:"} {
		if strings.HasPrefix(subject, lead) {
			return false
		}
	}
	return failureTitles.in(subject) || failurePhrases.in(subject)
}

// speaksOfFailure tells texts that say that a message did not arrive.
func speaksOfFailure(text string) bool { return failurePhrases.in(values.ClipTo(text, maxSearched)) }

// maxSearched is how much of a text is searched for words.
const maxSearched = 8 << 10

// failureTitles announce a failure in a subject; in a text they may be part
// of any sentence.
var failureTitles = newPhrases(
	"delivery status", "delivery notification", "delivery report", "delivery delayed", "delayed delivery",
	"delayed mail", "mail delivery", "message delivery", "delivery error", "mail failure",
	"failure notice", "mail system error", "mail error", "bounced", "bounce message", "user unknown", "error report",
	"blocked message", "message blocked", "mail blocked",
	"message rejected", "mail rejected", "rejected mail", "rejected message", "returned", "ndn:", "ndr:", "undeliver",
	"warning: could not send", "could not send message", "failed delivery", "failed mail",
	"zustellfehler", "zustellbenachrichtigung", "rückläufer", "retour à l'expéditeur", "notification d'état de remise",
	"devuelto", "devuelta", "devolvid", "correo rechazado",
	"notificación de estado", "avviso di mancato", "onbestelbaar", "zwrot poczty", "ошибка доставки", "ошибка отправки",
	"возврат почты", "возвращ",
	"退信", "系统退信", "退件", "退回", "发送失败", "傳送失敗", "寄件失敗", "寄送失敗", "エラー通知", "メールエラー", "送信エラー", "不達", "エラーメール", "반송",
	"발송 실패", "전송 실패",
)

// failurePhrases say that a message was not delivered.
var failurePhrases = newPhrases(
	// English
	"undeliverable", "undelivered", "not deliverable", "non-delivery", "nondelivery", "non delivery report",
	"could not be delivered", "couldn't be delivered", "cannot be delivered", "can not be delivered",
	"can't be delivered", "could not deliver", "couldn't deliver", "cannot deliver", "can't deliver",
	"unable to deliver", "not able to deliver", "wasn't able to deliver", "was not able to deliver",
	"unable to be delivered",
	"was not delivered", "were not delivered", "not been delivered", "wasn't delivered", "not delivered to",
	"been undeliverable", "failed to deliver", "failed to be delivered", "did not reach", "could not be reached",
	"delivery failed", "delivery has failed", "delivery failure", "delivery to the following", "delivery problem",
	"failed permanently", "permanent fatal error", "permanent error", "delivery attempt", "deliver your message",
	"could not be sent", "could not send", "couldn't be sent", "returned mail", "returned to sender", "returned to you",
	"returned undelivered", "message returned", "mail returned", "has been returned", "is returned", "being returned",
	"your message has been rejected", "your message was rejected", "your mail was rejected", "your email was rejected",
	"your e-mail was rejected", "message was blocked", "message has been blocked", "mail was refused",
	"was not accepted",
	"following addresses had", "failed recipient", "failed address", "bounced because", "bounced back",
	"delivery has been delayed", "delivery is delayed", "message is delayed", "mail is delayed",
	"message has been delayed", "error delivering", "not yet been delivered",
	// German
	"unzustellbar", "nicht zustellbar", "nicht zugestellt", "zustellung fehlgeschlagen",
	"zustellung ist fehlgeschlagen", "zustellung an folgende", "konnte nicht an", "konnte nicht übermittelt",
	"nicht ausgeliefert",
	// French
	"non remis", "non distribu", "n'a pas pu être", "n’a pas pu être", "n'a pu être", "échec de la remise",
	"echec de la remise", "échec de remise", "échec de distribution", "n'ont pas pu être", "impossible de remettre",
	"pas été remis", "non délivr",
	// Spanish, Portuguese, Italian
	"no se pudo entregar", "no se ha podido entregar", "no pudo ser entregado", "no ha podido ser entregado",
	"no entregad", "no entregable", "no se puede entregar", "error de entrega", "error en la entrega",
	"fallo en la entrega", "no se ha entregado",
	"não entregue", "não foi entregue", "não foi possível entregar", "não pôde ser entregue", "não pode ser entregue",
	"falha na entrega", "não entregáve", "nao foi possivel entregar", "falhou a entrega",
	"non recapitabil", "mancato recapito", "mancata consegna", "non consegnat", "impossibile recapitare",
	"impossibile consegnare", "non è stato possibile recapitare", "non è stato possibile consegnare",
	"non è stato consegnato", "recapito non riuscito",
	// Dutch, Nordic
	"onbestelbaar", "niet bezorgd", "niet afgeleverd", "niet worden bezorgd", "niet worden afgeleverd",
	"kan inte levereras", "kunde inte levereras", "kan ej levereras", "olevererbar", "kunne ikke leveres",
	"kan ikke leveres",
	"ikke leveret", "ikke levert", "ei voitu toimittaa", "toimittaminen epäonnistui", "ei voida toimittaa",
	"toimitus epäonnistui",
	// Polish, Czech, Slovak, Hungarian, Romanian, Turkish, Greek
	"niedostarcz", "nie można dostarczyć", "nie dostarczono", "nie została dostarczona", "nedoručen", "nedoručit",
	"nelze doručit", "nebylo možné doručit", "nepodařilo doručit", "nie je možné doručiť", "nebolo možné doručiť",
	"kézbesíthetetlen", "nem kézbesíthető", "nem sikerült kézbesíteni", "nu a putut fi livrat", "nelivrat",
	"teslim edilem", "iletilem", "teslim edileme", "δεν ήταν δυνατή η παράδοση", "δεν παραδόθηκε", "μη παραδοτέ",
	"αδύνατη η παράδοση",
	// Russian, Ukrainian, Bulgarian
	"не доставлен", "недоставлен", "не может быть доставлен", "не было доставлен", "не удалось доставить",
	"невозможно доставить", "недоставляем", "не удалось отправить", "не може бути доставлен", "не вдалося доставити",
	"не беше доставен",
	// Chinese
	"退信", "被退回", "退回", "退件", "投递失败", "投递不成功", "投递未成功", "投递错误", "未投递", "未能投递", "无法投递", "不能投递", "没有投递", "未能送达", "无法送达",
	"未送达", "不能成功的递送", "无法递送", "未能递送", "无法传递", "传递失败", "递送失败",
	"未能成功送达", "未能成功发送", "未能发送", "无法发送", "发送失败", "发送不成功", "送达失败", "无法到达", "未能到达", "投遞失敗", "無法投遞", "未能投遞", "無法送達", "未能送達",
	"無法傳送", "傳遞失敗", "無法傳遞", "無法寄達", "無法寄送", "傳送失敗", "寄件失敗", "無法送出",
	// Japanese, Korean
	"配信不能", "配信できません", "配信できなかった", "配信できませんでした", "配信に失敗", "配信失敗", "配信エラー", "配達不能", "配達できません", "配達できなかった", "届けることができません",
	"届きませんでした", "お届けできません", "送信できません", "送信できなかった", "送信に失敗", "未配信", "返送",
	"배달되지 않", "배달할 수 없", "배달 실패", "배달하지 못", "전달되지 않", "전달할 수 없", "전송하지 못", "전송할 수 없", "전송 실패", "반송", "발송 실패", "발송하지 못",
	// Others
	"không gửi được", "không thể gửi", "tidak terkirim", "tidak dapat dikirim", "gagal dikirim", "לא ניתן היה למסור",
	"לא נמסרה", "تعذر تسليم", "لم يتم تسليم", "فشل تسليم", "ไม่สามารถส่ง",
)

// introducers stand before the addresses of a list, in reports of any kind.
var introducers = newPhrases(
	"following recipient", "following address", "following user", "following destination", "following mailbox",
	"recipient address", "recipient(s)", "address(es)", "intended recipient", "undeliverable to", "failed to",
	"folgende", "suivant", "siguiente", "seguinte", "seguent", "volgende", "следующ", "以下", "下列", "次の",
)

// failureReasons say in words why a recipient was refused; near an address
// they stand for a reply.
var failureReasons = newPhrases(
	"user unknown", "unknown user", "unknown recipient", "unknown address", "unknown local part", "no such user",
	"no such recipient", "no such mailbox", "no such address", "no such domain", "no such person", "no such account",
	"user not found", "recipient not found", "receiver not found", "mailbox not found", "address not found",
	"account not found", "host not found", "domain not found", "not found in", "host unknown", "unknown host",
	"unknown domain",
	"does not exist", "doesn't exist", "do not exist", "not exist", "no longer exists", "no longer valid",
	"not a valid", "invalid recipient", "invalid address", "invalid user", "invalid mailbox", "invalid domain",
	"bad address", "bad destination",
	"unrouteable", "unroutable", "mailbox is full", "mailbox full", "inbox is full", "over quota", "over the quota",
	"overquota", "quota exceeded", "exceeded quota", "exceeded storage", "quota exceed", "exceeds quota",
	"out of space",
	"mailbox unavailable", "mailbox disabled", "mailbox is disabled", "account disabled", "account is disabled",
	"account has been disabled", "been suspended", "is suspended", "inactive", "mailbox locked", "not accepting",
	"connection timed out", "connection refused", "timed out", "could not connect", "can not connect", "cannot connect",
	"unable to connect", "no route to host", "dns query", "dns error", "name server", "no mx", "lookup failed",
	"relay denied", "relaying denied", "unable to relay", "relay not permitted", "relay access denied", "access denied",
	"access to this email", "rejected by", "content rejected", "message rejected", "mail rejected", "refused",
	"blocked by", "blocked using", "blacklist", "spam",
	"too large", "too big", "exceeds the maximum", "exceeds maximum", "size limit", "message size", "too many hops",
	"mail loop", "loop detected", "contains a virus", "not allowed", "not permitted", "no mailbox here", "not local",
	"network error", "invalid final", "invalid destination", "address rejected", "recipient rejected", "user disabled",
	"no longer available", "not available",
	"收件人不存在", "用户不存在", "邮箱不存在", "地址不存在", "账号不存在", "帐号不存在", "帐户不存在", "账户不存在", "该用户不存在", "信箱不存在", "查无此", "無此", "使用者不存在",
	"邮箱已满", "空间不足", "容量已满", "邮箱空间", "信箱已滿", "超过容量", "容量不足", "被禁用", "被冻结", "已停用", "被锁定",
	"域名不存在", "无法解析", "解析失败", "无法连接", "连接超时", "连接失败", "拒绝接收", "拒收", "被拒绝", "垃圾邮件", "黑名单", "超过限制", "过大", "超时",
	"unbekannt", "existiert nicht", "postfach voll", "postfach ist voll", "n'existe pas", "inconnu", "boîte pleine",
	"no existe", "desconocid", "buzón lleno", "não existe", "desconhecid", "non esiste", "sconosciut", "casella piena",
	"не существует", "не найден", "неизвестн", "переполнен", "存在しません", "見つかりません", "宛先不明", "ユーザーが存在", "容量を超え", "존재하지 않",
)
