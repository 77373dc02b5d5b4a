package enrich

import bh "github.com/bouncehouse/bouncehouse"

const (
	refGmailAbroad = "support.google.com/a/answer/3726730, in that language"
	refPolish      = "sare.pl, webpc.pl, jzk.pl: replies and what they say in Polish"
	refItalian     = "uniroma3.it, newsletterstudio.it: replies and what they say in Italian"
)

// languageRules: wordings in other languages than English, as far as the
// vocabularies of the rules before do not hold them. A letter that may stand
// at the head of a sentence is left out where it is not ASCII, as case is
// folded for ASCII only.
func languageRules() []Rule {
	return []Rule{
		{Name: "language-moved", Class: bh.RecipientMoved,
			All: []string{"adresse|dirección|direccion|indirizzo|endereço|адрес|地址|アドレス|adres|주소",
				"a changé|geändert|ha cambiado|è cambiato|mudou|изменил|已变更|已更改|変更され|変わり|zmienił|변경"},
			Example: "550 5.1.6 l'adresse électronique du destinataire a changé. L'adresse à laquelle ce message a été envoyé n'accepte plus de messages.", Ref: "uitranslation.com: Exchange DSN texts"},
		{Name: "language-tls", Class: bh.TLSFailed,
			All: []string{"_tls|_ssl|verschlüssel|chiffre|cifrad|crittograf|шифров|加密|暗号|szyfrow|암호",
				"必要|richiest|requis|requier|erforderlich|требует|обходим|requer|requier|wymag|需要|필요"},
			Example: "421 4.7.0 Crittografia TLS richiesta per il dominio RCPT. Chiusura connessione", Ref: refItalian},
		{Name: "language-recipients", Class: bh.TooManyRecipients,
			All: []string{"收件人|宛先|получател|empfänger|destinataires|destinatarios|destinatari|odbiorc|příjemc|destinatários|" +
				"宛先数", "过多|数量超|太多|多すぎ|лишком много|zu viele|trop de|demasiados|troppi|excessivo|zbyt wiel|příliš mnoho"},
			Example: "Número excessivo de destinatários; o máximo é 1000",
			Ref:     "ajuda.thefunnels.com.br: Mailgun errors in Portuguese"},
		{Name: "language-rate", Class: bh.RateLimited,
			All: []string{"过多|太多|太频繁|过快|超过发送|发送数量|发信数量|发送限制|送信数|送信制限|流量制限|接続数|制限を超え|превышен|лимит|лишком част|" +
				"zu viele|zu häufig|zu schnell|trop de|trop vite|trop rapid|demasiados|demasiadas|muy rápido|demasiado rápido|troppi|troppe|troppo veloc|" +
				"muitas|muito rápido|limite de envio|límite de envío|zbyt wiele|zbyt szybko|te veel|příliš mnoho|초과|너무",
				"邮件|发信|发送|连接|频|送信|接続|流量|制限|лимит|письм|сообщ|соединен|част|verbindung|nachricht|mail|connexion|" +
					"message|mensaj|mensag|conex|messag|conness|envio|envío|połącze|wiadomo|verbinding|berichten|bericht|" +
					"spojení|전송|연결"}, None: []string{"数据|mailbox|storage|메시지의"},
			Example: "450 4.2.1 O usuário com quem você está tentando entrar em contato está recebendo e-mails muito rápido. Reenvie sua mensagem mais tarde.", Ref: refGmailAbroad},
		{Name: "language-spam", Class: bh.Reputation, All: []string{"_ip|<ip>|адрес|服务器|サーバ|ip から|이피",
			"迷惑|スパム|垃圾|ブロック|封禁|屏蔽|禁止|拒绝|拒否|拒信|信誉|评分|レピュテーション|заблокирован|запрещ|репутац|спам|gesperrt|blockiert|bloqué|bloquead|" +
				"bloccat|zablokowan|geblokkeerd|차단|평판|réputation|reputación|reputazione|reputação|indesider|indésirable"}, None: []string{"收件"},
			Example: "421 4.7.0 ご使用の IP アドレスから大量の迷惑メールが送信されたことを検出しました。ユーザーを迷惑メールから保護するため、ご使用の IP アドレスから送信されたメールを一時的にブロックしました。", Ref: refGmailAbroad},
		{Name: "language-size", Class: bh.TooLarge,
			All: []string{"过大|太大|大小超|サイズ|размер|zu groß|zu gross|zu lang|trop volumineux|trop grand|demasiado grande|troppo grande|" +
				"muito grande|za duż|zbyt dług|zbyt duż|te groot|příliš velk|크기|길이가"},
			Example: "523 Wiadomość zbyt długa", Ref: refPolish},
		{Name: "language-system-space", Class: bh.RemoteSystem,
			All:     []string{"系统空间|系统存储|記憶装置|ディスク容量|на диске|brak miejsca|plattenplatz|espace disque|spazio su disco|espacio en disco|espaço em disco"},
			Example: "452 Operacja nie została podjęta, brak miejsca na dysku.", Ref: refPolish},
		{Name: "language-full", Class: bh.MailboxFull,
			All: []string{"邮箱满|已满|满了|容量|配额|空间|满载|満杯|いっぱい|クォータ|переполн|квот|нет места|voll_|ist voll|speicherplatz|" +
				"kontingent|pleine|saturée|espace insuffisant|quota dépassé|quota depasse|llena|lleno|cuota|sin espacio|sem espaço|senza spazio|" +
				"piena|pieno|spazio esaurito|cheia|cota|pełna|przepełnion|limit miejsca|_vol_|plná|" +
				"překročena kvóta|용량|가득|저장 장치|储存空间|存储空间"}, None: []string{"发送|sending|envio|系统"},
			Example: "452 4.2.2 A caixa de entrada do destinatário está sem espaço de armazenamento. Direcione o destinatário para Gerenciar arquivos do armazenamento no Google Drive.", Ref: refGmailAbroad},
		{Name: "language-disabled", Class: bh.MailboxDisabled,
			All: []string{"停用|冻结|禁用|锁定|注销|欠费|停止|無効|停止|休止|未开通|заблокирован|отключен|неактив|удален|gesperrt|deaktiviert|" +
				"stillgelegt|geschlossen|désactiv|suspendu|fermé|bloquée|inactif|deshabilitad|desactivad|" +
				"suspendid|inactiv|disattivat|sospes|disabilitat|desativad|bloquead|suspens|zablokowan|nieaktywn|" +
				"geblokkeerd|zablokován|정지|휴면|비활성|n'accepte plus",
				"用户|账号|帐号|账户|邮箱|収件|ユーザ|メールボックス|アカウント|ящик|аккаунт|пользоват|учетн|postfach|konto|empfänger|" +
					"benutzer|boîte|boite|compte|destinataire|buzón|cuenta|usuario|casella|account|utente|caixa|" +
					"conta|usuário|skrzynka|konto|schránk|계정|메일함|사용자|adresse"}, None: []string{"_ip_"},
			Example: "521 Nieaktywna skrzynka pocztowa", Ref: refPolish},
		{Name: "language-domain-no-mail", Class: bh.DomainAcceptsNoMail,
			All: []string{"域名|ドメイン|домен|domain|domaine|dominio|domínio|domena|도메인",
				"不接收邮件|不接受邮件|受信しません|受け付けて|не принимает|nimmt keine|n'accepte pas|no acepta|non accetta|não aceita|nie przyjmuje"},
			Example: "521 Ta domena nie przyjmuje poczty.", Ref: refPolish},
		{Name: "language-domain", Class: bh.NoSuchDomain,
			All: []string{"域名|ドメイン|домен|_domain|domaine|dominio|domínio|domena|domeny|도메인",
				"不存在|无法解析|未找到|存在しない|存在しません|見つから|не существует|не найден|nie ma takiej|existiert nicht|unbekannt|introuvable|" +
					"n'existe|inconnu|no existe|inexistente|non esiste|não existe|nie istnieje|neexist|존재하지"},
			None:    []string{"发件|送信者|отправител|absender|expéditeur|remitente|mittente|remetente|nadawc|sender"},
			Example: "512 Nie ma takiej domeny", Ref: refPolish},
		{Name: "language-sender", Class: bh.SenderRejected,
			All: []string{"发件人|发信人|寄件者|送信者|送信元|отправител|absender|expéditeur|expediteur|emetteur|émetteur|remitente|" +
				"mittente|remetente|nadawc|afzender|odesílatel|발신자|보낸"}, None: []string{"退回|zurückgesendet|renvoyé"},
			Example: "517 Niewłaściwy adres nadawcy", Ref: refPolish},
		{Name: "language-auth", Class: bh.AuthRequired,
			All: []string{"认证|验证|授权码|登录|密码|認証|ログイン|аутентифик|авторизац|пароль|anmeldung|authentifizier|authentification|" +
				"autenticación|autenticazione|autenticação|uwierzyteln|zalogowa|인증"},
			Example: "530 Połączenie wymaga zalogowania.", Ref: refPolish},
		{Name: "language-attachment", Class: bh.Policy,
			All:     []string{"allegat|_anhang|pièce jointe|piece jointe|adjunto|_anexo|вложени|附件|添付|załącznik|첨부"},
			Example: "554 Tipo di allegato vietato", Ref: refItalian},
		{Name: "language-no-user", Class: bh.NoSuchUser,
			All: []string{"用户|收件人|邮箱|信箱|账号|帐号|地址|ユーザ|宛先|メールアドレス|メールボックス|получател|пользовател|ящик|адресат|empfänger|" +
				"benutzer|postfach|adressat|mailadresse|destinataire|utilisateur|adresse|boîte|boite|usuario|" +
				"destinatario|buzón|casilla|utente|indirizzo|casella|usuário|destinatário|caixa|endereço|" +
				"użytkownik|odbiorca|adresat|_adres_|konto|skrzynk|konta|gebruiker|ontvanger|uživatel|příjemce|" +
				"schránka|사용자|수신자|계정|주소|사서함",
				"不存在|无效|未知|错误|找不到|没有|存在し|不明|見つか|無効|利用できない|не существует|не найден|неизвест|нет такого|отсутств|" +
					"неверн|unbekannt|existiert|nicht gefunden|ungültig|nicht bekannt|inconnu|existe pas|introuvable|" +
					"invalide|desconocid|no existe|inexistente|inválid|invalid|sconosciut|inesistente|non esiste|" +
					"no disponible|non disponibile|non valid|errato|desconhecid|não existe|não encontrad|nie istnieje|" +
					"nieznan|nie ma|nie jest dostępn|nie został|nieprawidłow|onbekend|bestaat|neznám|neexist|존재하지|없는|" +
					"없습니다|없음|no tiene|não possui|n'a pas|hat kein"}, None: []string{"系统空间"},
			Example: "513 Nieznany adres email", Ref: refPolish},
		{Name: "language-protocol", Class: bh.ProtocolError, Code: "50",
			All: []string{"命令|コマンド|команд|befehl|commande|comando|polecen|명령",
				"错误|无法|間違|不正|не распозна|unbekannt|inconnue|desconocid|sconosciut|desconhecid|nie został|잘못"},
			Example: "500 Polecenie nie zostało rozpoznane lub ma niepoprawna składnię.", Ref: refPolish},
		{Name: "language-expired", Class: bh.ClassExpired,
			All:     []string{"超过重试|重试次数|投递超时|有効期限|истекло время|abgelaufen|expiré|caducado|scaduto|expirou|upłynął"},
			Example: "447 Tempo di consegna scaduto", Ref: refItalian},
		{Name: "language-system", Class: bh.RemoteSystem,
			All: []string{"繁忙|系统错误|系统忙|暂时|稍后|临时|一時的|しばらく|混雑|ビジー|временн|позже|ошибка сервера|vorübergehend|später|überlastet|zurzeit nicht|" +
				"temporairement|plus tard|réessay|temporalmente|más tarde|inténtelo|temporaneamente|più tardi|occupato|" +
				"riprova|temporariamente|mais tarde|tymczasow|później|tijdelijk|later opnieuw|dočasn|později|일시적|" +
				"나중에"}, Example: "421 4.3.0 システムに一時的な問題があります。しばらくしてからもう一度お試しください。", Ref: refGmailAbroad},
	}
}
