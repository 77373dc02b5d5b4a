package enrich

import bh "github.com/bouncehouse/bouncehouse"

// languageRules: wordings in other languages than English. A letter that may
// stand at the head of a sentence is left out where it is not ASCII, as case
// is folded for ASCII only.
func languageRules() []Rule {
	return []Rule{
		{Name: "language-greylist", Class: bh.Greylisted, All: []string{"灰名单|グレイリスト|グレーリスト|серый список|ерый список|ерых списк|그레이리스트"}, Example: "451 您的邮件被灰名单暂时拒绝,请稍后重试", Ref: refWordings},
		{Name: "language-dnsbl", Class: bh.DNSBL, All: []string{"blacklist|blockliste|sperrliste|schwarze liste|liste noire|lista negra|listas negras|lista nera|" +
			"czarna lista|zwarte lijst|черный список|чёрный список|черных списк|блэклист|ブラックリスト|黑名单|블랙리스트", "_ip|адрес|server|serveur|servidor|サーバ|接続|发信|服务器|<ip>|서버"}, Example: "554 服务器在黑名单", Ref: refWordings},
		{Name: "language-rdns", Class: bh.NoRDNS, All: []string{"反向解析|逆引き|反向域名|inverse dns|dns inverso|dns inversa|résolution inverse|resolution inverse|" +
			"rückwärtsauflösung|обратной зон|역방향|odwrotn|rückwärts"}, Example: "550 发信服务器没有反向解析", Ref: refWordings},
		{Name: "language-dynamic", Class: bh.DynamicIP, All: []string{"动态ip|动态地址|dynamische ip|ip dynamique|ip dinámica|ip dinamico|инамическ|動的ip|유동"}, Example: "554 不接受动态IP直接投递", Ref: refWordings},
		{Name: "language-virus", Class: bh.Virus, All: []string{"病毒|ウイルス|ウィルス|вирус|바이러스|_wirus|viren "}, Example: "554 邮件含有病毒", Ref: refWordings},
		{Name: "language-rate", Class: bh.RateLimited, All: []string{"过多|太频繁|超过发送|发送数量|发信数量|发送限制|连接过多|送信数|送信制限|流量制限|接続数|制限を超え|превышен лимит|лимит отправ|" +
			"слишком част|zu viele|zu häufig|trop de|demasiados|demasiadas|troppi|troppe|muitas mensagens|" +
			"muitas conex|limite de envio|límite de envío|zbyt wiele|te veel|příliš mnoho|초과", "邮件|发信|发送|连接|频|送信|接続|流量|制限|лимит|письм|сообщ|соединен|част|verbindung|nachricht|mail|connexion|" +
			"message|mensaj|conex|messag|conness|envio|envío|połącze|wiadomo|verbinding|berichten|bericht|" +
			"spojení|전송|연결"}, Example: "451 Troppi messaggi da questa connessione", Ref: refWordings},
		{Name: "language-spam", Class: bh.SpamContent, All: []string{"反垃圾|垃圾|迷惑|スパム|спам|스팸|pourriel|indésirable|basura|correo no deseado|niechcian|ongewenst|" +
			"nevyžádan|spam-verdacht|unerwünscht"}, None: []string{"<ip>|_ip_|ip地址"}, Example: "554 Message rejeté : courrier indésirable", Ref: refWordings},
		{Name: "language-size", Class: bh.TooLarge, All: []string{"过大|太大|大小超|サイズ|размер|zu groß|zu gross|trop volumineux|trop grand|demasiado grande|troppo grande|" +
			"muito grande|za duż|te groot|příliš velk|크기"}, Example: "552 Die Nachricht ist zu groß", Ref: refWordings},
		{Name: "language-recipients", Class: bh.TooManyRecipients, All: []string{"收件人过多|收件人数|宛先が多|宛先数|слишком много получател|zu viele empfänger|trop de destinataires|" +
			"demasiados destinatarios|troppi destinatari|muitos destinat"}, Example: "452 Zu viele Empfänger", Ref: refWordings},
		{Name: "language-full", Class: bh.MailboxFull, All: []string{"邮箱满|已满|满了|容量|配额|空间|満杯|いっぱい|容量|クォータ|переполн|квот|нет места|voll_|ist voll|speicherplatz|" +
			"kontingent|pleine|saturée|espace insuffisant|quota dépassé|quota depasse|llena|lleno|cuota|" +
			"piena|pieno|spazio esaurito|cheia|cota|pełna|przepełnion|limit miejsca|_vol_|plná|" +
			"překročena kvóta|용량|가득"}, None: []string{"发送|sending|envio"}, Example: "552 Boîte saturée", Ref: refWordings},
		{Name: "language-disabled", Class: bh.MailboxDisabled, All: []string{"停用|冻结|禁用|锁定|注销|欠费|停止|無効|停止|休止|заблокирован|отключен|неактив|удален|gesperrt|deaktiviert|" +
			"stillgelegt|geschlossen|désactiv|suspendu|fermé|bloquée|inactif|deshabilitad|desactivad|" +
			"suspendid|inactiv|disattivat|sospes|disabilitat|desativad|bloquead|suspens|zablokowan|nieaktywn|" +
			"geblokkeerd|zablokován|정지|휴면|비활성", "用户|账号|帐号|账户|邮箱|収件|ユーザ|メールボックス|アカウント|ящик|аккаунт|пользоват|учетн|postfach|konto|empfänger|" +
			"benutzer|boîte|boite|compte|destinataire|buzón|cuenta|usuario|casella|account|utente|caixa|" +
			"conta|usuário|skrzynka|konto|schránk|계정|메일함|사용자"}, None: []string{"_ip_"}, Example: "550 Das Postfach des Empfängers ist stillgelegt", Ref: refWordings},
		{Name: "language-domain", Class: bh.NoSuchDomain, All: []string{"域名|ドメイン|домен|_domain|domaine|dominio|domínio|domena|도메인", "不存在|无法解析|未找到|存在しない|存在しません|見つから|не существует|не найден|существ|existiert nicht|unbekannt|" +
			"n'existe|inconnu|no existe|inexistente|non esiste|não existe|nie istnieje|neexist|존재하지"}, None: []string{"发件|送信者|отправител|absender|expéditeur|remitente|mittente|remetente|nadawc|sender"}, Example: "550 Le domaine n'existe plus", Ref: refWordings},
		{Name: "language-sender", Class: bh.SenderRejected, All: []string{"发件人|发信人|寄件者|送信者|送信元|отправител|absender|expéditeur|expediteur|emetteur|émetteur|remitente|" +
			"mittente|remetente|nadawc|afzender|odesílatel|발신자|보낸"}, Example: "553 Absenderadresse abgelehnt", Ref: refWordings},
		{Name: "language-relay", Class: bh.RelayDenied, All: []string{"中继|转发|中継|релей|ересылк|relais|retransmisión|retransmissão|weiterleitung"}, Example: "550 不允许中继", Ref: refWordings},
		{Name: "language-auth", Class: bh.AuthRequired, All: []string{"认证|验证|授权码|登录|密码|認証|ログイン|аутентифик|авторизац|пароль|anmeldung|authentifizier|authentification|" +
			"autenticación|autenticazione|autenticação|uwierzyteln|인증"}, Example: "535 Ошибка аутентификации", Ref: refWordings},
		{Name: "language-no-user", Class: bh.NoSuchUser, All: []string{"用户|收件人|邮箱|账号|帐号|地址|ユーザ|宛先|メールアドレス|получател|пользовател|ящик|адресат|empfänger|benutzer|" +
			"postfach|adressat|mailadresse|destinataire|utilisateur|adresse|boîte|boite|usuario|destinatario|" +
			"buzón|casilla|utente|indirizzo|casella|usuário|destinatário|caixa|endereço|użytkownik|odbiorca|" +
			"adresat|konto|skrzynk|konta|gebruiker|ontvanger|uživatel|příjemce|schránka|사용자|수신자|계정|주소", "不存在|无效|未知|错误|找不到|没有|存在し|不明|見つか|無効|не существует|не найден|неизвест|нет такого|отсутств|неверн|" +
			"unbekannt|existiert|nicht gefunden|ungültig|nicht bekannt|inconnu|existe pas|introuvable|" +
			"invalide|desconocid|no existe|inexistente|inválid|invalid|sconosciut|inesistente|non esiste|" +
			"non valid|errato|desconhecid|não existe|não encontrad|nie istnieje|nieznan|nie ma|onbekend|" +
			"bestaat|neznám|neexist|존재하지|없는|없습니다"}, Example: "550 Destinatario errato, utente inesistente", Ref: refWordings},
		{Name: "language-ip", Class: bh.Reputation, All: []string{"信誉|репутац|réputation|reputación|reputazione|reputação|reputacj|评分|レピュテーション|평판"}, Example: "554 Плохая репутация IP-адреса", Ref: refWordings},
		{Name: "language-ip-blocked", Class: bh.Reputation, All: []string{"_ip|адрес|<ip>|服务器|サーバ", "封禁|屏蔽|禁止|拒绝|拒否|ブロック|заблокирован|запрещ|gesperrt|blockiert|bloqué|bloquead|bloccat|zablokowan|geblokkeerd|차단"}, None: []string{"收件"}, Example: "554 您的IP地址被封禁", Ref: refWordings},
		{Name: "language-recipient-refused", Class: bh.RecipientRefused, All: []string{"收件人|对方|получател|empfänger|destinataire|destinatario|destinatário|odbiorca|ontvanger|受信者|宛先|수신자", "拒|abgelehnt|refus|rechaz|rifiut|rejeit|recus|odrzuc|geweigerd|отклон|отказ|拒否|거부|受け取"}, Example: "550 L'odbiorca odrzucił wiadomość", Ref: refWordings},
		{Name: "language-system", Class: bh.RemoteSystem, All: []string{"繁忙|系统错误|系统忙|暂时|稍后|临时|一時的|しばらく|混雑|временн|позже|ошибка сервера|vorübergehend|später|überlastet|" +
			"temporairement|plus tard|réessay|temporalmente|más tarde|inténtelo|temporaneamente|più tardi|" +
			"riprova|temporariamente|mais tarde|tymczasow|później|tijdelijk|later opnieuw|dočasn|později|일시적|" +
			"나중에"}, Example: "451 Сервис временно недоступен", Ref: refWordings},
		{Name: "language-content", Class: bh.Policy, Code: "5", All: []string{"拒绝|拒否|отклонен|запрещен|abgelehnt|verweigert|refusé|rejeté|rechazad|denegad|rifiutat|respint|" +
			"rejeitad|recusad|negad|odrzucon|odmow|geweigerd|odmítnut|거부|차단|政策|策略|политик|richtlinie|" +
			"politique|política|politica"}, Example: "554 Nachricht abgelehnt", Ref: refWordings},
	}
}
