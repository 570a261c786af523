"""Simple requests and requests that ask for one of the four, by language. Written by us for these
tests: the recorded rows that we have hold no simple ones in French, Portuguese, Bengali, Korean, Polish
and Ukrainian. Many of the simple ones hold a noun or a word that begins as one of the four does.
"""

from __future__ import annotations


def _rows(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


SIMPLE: dict[str, list[str]] = {
    "fr": _rows("""
        Combien coûte une analyse de sang ?
        Où faire l'analyse de sang près de chez moi ?
        Quand vais-je recevoir les résultats d'analyse ?
        À quelle heure ouvre le laboratoire d'analyses ?
        Mon analyse d'urine est-elle prête ?
        Qui a écrit « Analyse spectrale de l'Occident » ?
        Faut-il être à jeun pour une analyse ?
        Traduis « analyse » en anglais.
        Quel est le salaire d'un analyste financier ?
        Comment rester optimiste ?
        Qu'est-ce que l'optimisme ?
        Le remaniement ministériel a eu lieu quand ?
        La canalisation de la rue est bouchée, qui appeler ?
        Quel temps fera-t-il demain à Lyon ?
        Réveille-moi à sept heures.
        Quelle est la capitale de l'Australie ?
        Ajoute du lait à ma liste de courses.
        Réserve une table pour deux ce soir.
        Joue une chanson de Stromae.
        Combien font douze fois douze ?
        Où se trouve la gare la plus proche ?
        Quels sont les horaires de la piscine ?
        Écris un message à Paul : j'arrive.
        Quel est le numéro du débit de tabac ?
        Combien d'habitants compte Marseille ?
        Ma carte bancaire est bloquée, que faire ?
        """),
    "pt": _rows("""
        Onde posso fazer uma análise de sangue?
        Quanto custa a análise da água?
        O resultado da minha analise de sangue já saiu?
        Qual é o salário de um analista de sistemas?
        Como ser mais otimista?
        O que é o otimismo?
        Quanto custa um depurador de água?
        Quem inventou a psicanálise?
        O que significa ótimo?
        Onde fica a rua do refeitório?
        Como está o tempo em Lisboa?
        Acorda-me às sete.
        Qual é a capital do Canadá?
        Adiciona leite à lista de compras.
        Reserve uma mesa para duas pessoas.
        Toque uma música da Elis Regina.
        Quanto é doze vezes doze?
        Onde fica a estação mais próxima?
        A que horas abre a piscina?
        Envia uma mensagem ao Paulo.
        Quantos habitantes tem o Porto?
        O meu cartão foi bloqueado, o que faço?
        Traduza "bom dia" para inglês.
        Quando chega a minha encomenda?
        """),
    "bn": _rows("""
        আজকের আবহাওয়া কেমন?
        রক্ত বিশ্লেষণ কোথায় হয়?
        পানি বিশ্লেষণের খরচ কত?
        বিশ্লেষক শব্দের অর্থ কী?
        বাংলাদেশের রাজধানী কোথায়?
        আমাকে সকাল সাতটায় জাগিয়ে দাও।
        বাজারের তালিকায় দুধ যোগ করো।
        বারো গুণ বারো কত?
        একটি গান চালাও।
        নিকটতম স্টেশন কোথায়?
        আজ রাতে দুজনের জন্য টেবিল বুক করো।
        রবীন্দ্রনাথ কবে জন্মেছিলেন?
        আমার কার্ড আটকে গেছে, কী করব?
        ঢাকার জনসংখ্যা কত?
        "শুভ সকাল" ইংরেজিতে কী?
        দোকান কখন খোলে?
        আগামীকাল কি বৃষ্টি হবে?
        পলকে একটি বার্তা পাঠাও।
        আমার পার্সেল কবে আসবে?
        আশাবাদী মানে কী?
        সোনার দাম কত?
        চাঁদের দূরত্ব কত?
        এই বছর ঈদ কবে?
        ট্রেন কয়টায় ছাড়ে?
        """),
    "ko": _rows("""
        혈액 분석 비용이 얼마예요?
        데이터 분석가 연봉은 얼마인가요?
        분석 결과는 언제 나오나요?
        성분 분석표는 어디에 있나요?
        오늘 날씨 어때?
        내일 아침 일곱 시에 깨워 줘.
        호주의 수도는 어디야?
        장보기 목록에 우유를 추가해 줘.
        두 명 저녁 자리 예약해 줘.
        노래 한 곡 틀어 줘.
        십이 곱하기 십이는?
        가장 가까운 역은 어디야?
        수영장은 몇 시에 열어?
        폴에게 문자 보내 줘.
        서울의 인구는 몇 명이야?
        카드가 정지됐는데 어떻게 해요?
        "좋은 아침"을 영어로 뭐라고 해?
        택배는 언제 와요?
        세종대왕은 언제 태어났어?
        낙관주의가 뭐야?
        달까지 거리는?
        기차는 몇 시에 출발해?
        내 비밀번호를 바꾸고 싶어요.
        올해 추석은 언제야?
        """),
    "pl": _rows("""
        Ile kosztuje analiza krwi?
        Gdzie zrobić analizę moczu?
        Kiedy będą wyniki analizy?
        Ile zarabia analityk finansowy?
        Jak być optymistą?
        Co to jest optymizm?
        Kto wymyślił psychoanalizę?
        Jaka jest pogoda w Krakowie?
        Obudź mnie o siódmej.
        Jaka jest stolica Australii?
        Dodaj mleko do listy zakupów.
        Zarezerwuj stolik dla dwóch osób.
        Puść piosenkę Dawida Podsiadły.
        Ile to jest dwanaście razy dwanaście?
        Gdzie jest najbliższy dworzec?
        O której otwierają basen?
        Wyślij wiadomość do Pawła.
        Ilu mieszkańców ma Gdańsk?
        Zablokowano mi kartę, co robić?
        Przetłumacz "dzień dobry" na angielski.
        Kiedy przyjdzie moja paczka?
        Ile kosztuje bilet do Łodzi?
        Kiedy urodził się Chopin?
        Jak daleko jest Księżyc?
        """),
    "uk": _rows("""
        Скільки коштує аналіз крові?
        Де здати кров для аналізу?
        Коли будуть результати аналізу крові?
        Яка зарплата у фінансового аналітика?
        Що таке оптимізм?
        Як бути оптимістом?
        Як налагодити стосунки з сусідом?
        Хто придумав психоаналіз?
        Яка погода в Києві?
        Розбуди мене о сьомій.
        Яка столиця Австралії?
        Додай молоко до списку покупок.
        Замов столик на двох.
        Увімкни пісню Океану Ельзи.
        Скільки буде дванадцять на дванадцять?
        Де найближчий вокзал?
        О котрій відкривається басейн?
        Надішли повідомлення Павлові.
        Скільки людей живе у Львові?
        Мою картку заблоковано, що робити?
        Переклади "добрий ранок" англійською.
        Коли прийде моя посилка?
        Коли народився Шевченко?
        Яка відстань до Місяця?
        """),
    "es": _rows("""
        ¿Cuánto cuesta un análisis de sangre?
        ¿Cuánto cuesta una depuradora de piscina?
        ¿Qué gana un analista financiero?
        ¿Cómo ser más optimista?
        ¿Dónde está la planta depuradora?
        ¿Qué tiempo hace en Sevilla?
        Despiértame a las siete.
        ¿Cuál es la capital de Australia?
        Añade leche a la lista.
        ¿A qué hora abre la piscina?
        Reserva una mesa para dos.
        ¿Quién inventó el psicoanálisis?
        """),
    "it": _rows("""
        Quanto costano le analisi del sangue?
        Dove si fanno le analisi delle urine?
        Quanto guadagna un analista?
        Come essere più ottimista?
        Che cos'è l'ottimismo?
        Che tempo fa a Torino?
        Svegliami alle sette.
        Qual è la capitale dell'Australia?
        Aggiungi il latte alla lista.
        A che ora apre la piscina?
        """),
    "de": _rows("""
        Was kostet eine Blutanalyse?
        Wann kommt die Analyse aus dem Labor?
        Was verdient ein Analyst?
        Was ist Optimismus?
        Was ist das optimale Alter für die Einschulung?
        Wie wird das Wetter in Köln?
        Weck mich um sieben.
        Was ist die Hauptstadt von Australien?
        Setz Milch auf die Liste.
        Wann öffnet das Schwimmbad?
        Wer war der erste Psychoanalytiker?
        """),
    "nl": _rows("""
        Wat kost een bloedanalyse?
        Wanneer komt de analyse van het lab?
        Wat verdient een analist?
        Wat is optimisme?
        Wat is de optimale temperatuur voor wijn?
        Wat voor weer wordt het in Utrecht?
        Maak me om zeven uur wakker.
        Wat is de hoofdstad van Australië?
        Zet melk op de lijst.
        """),
    "ru": _rows("""
        Сколько стоит анализ крови?
        Где сдать анализы?
        Сколько зарабатывает аналитик?
        Что такое оптимизм?
        Как стать оптимистом?
        Кто придумал психоанализ?
        Какая погода в Казани?
        Разбуди меня в семь.
        Какая столица у Австралии?
        Добавь молоко в список.
        Когда открывается бассейн?
        """),
    "tr": _rows("""
        Kan analizi ne kadar?
        Su analizi nerede yapılır?
        Kredi borcumu nasıl yeniden yapılandırırım?
        Randevumu yeniden düzenlemek istiyorum.
        Finansal analist maaşı ne kadar?
        Optimist ne demek?
        Ankara'da hava nasıl?
        Beni yedide uyandır.
        Avustralya'nın başkenti neresi?
        Listeye süt ekle.
        Havuz kaçta açılıyor?
        """),
    "ar": _rows("""
        كم سعر تحليل الدم؟
        أين أجري تحليل البول؟
        متى تظهر نتيجة التحليل؟
        كم راتب محلل مالي؟
        ما معنى التحلل؟
        كيف يتحسّن الطقس غدا؟
        تصحيح الأخطاء الإملائية في كلمة "لاكن"
        ما هي إعادة هيكلة الديون؟
        كيف الطقس في القاهرة؟
        أيقظني في السابعة.
        ما عاصمة أستراليا؟
        أضف الحليب إلى القائمة.
        متى يفتح المسبح؟
        """),
    "hi": _rows("""
        रक्त विश्लेषण की कीमत क्या है?
        पानी का विश्लेषण कहाँ होता है?
        वित्तीय विश्लेषक का वेतन कितना है?
        आशावादी का मतलब क्या है?
        दिल्ली में मौसम कैसा है?
        मुझे सात बजे जगा दो।
        ऑस्ट्रेलिया की राजधानी क्या है?
        सूची में दूध जोड़ो।
        dilli mein mausam kaisa hai?
        mujhe saat baje jaga do
        """),
    "vi": _rows("""
        Nhà phân tích tài chính lương bao nhiêu?
        Phòng phân tích máu ở tầng mấy?
        Thời gian ngủ tối ưu là bao lâu?
        Tái cấu trúc nợ là gì?
        Thời tiết ở Huế thế nào?
        Gọi tôi dậy lúc bảy giờ.
        Thủ đô của Úc là gì?
        Thêm sữa vào danh sách.
        Hồ bơi mở cửa lúc mấy giờ?
        """),
    "id": _rows("""
        Berapa biaya analisis darah?
        Di mana tempat analisa air?
        Berapa gaji analis keuangan?
        Apa arti optimis?
        Berapa suhu optimal untuk menyimpan anggur?
        Bagaimana cuaca di Bandung?
        Bangunkan saya jam tujuh.
        Apa ibu kota Australia?
        Tambahkan susu ke daftar.
        """),
    "th": _rows("""
        นักวิเคราะห์การเงินเงินเดือนเท่าไหร่
        ค่าตรวจวิเคราะห์เลือดเท่าไหร่
        พรุ่งนี้ฝนจะตกไหม
        ปลุกฉันตอนเจ็ดโมง
        เมืองหลวงของออสเตรเลียคืออะไร
        เพิ่มนมในรายการ
        สระว่ายน้ำเปิดกี่โมง
        อุณหภูมิที่เหมาะสมคือเท่าไหร่
        """),
    "ja": _rows("""
        血液の分析はどこでできますか
        データ分析の仕事の年収は?
        分析結果はいつ届きますか
        楽観主義とは何ですか
        札幌の天気は?
        七時に起こして
        オーストラリアの首都は?
        買い物リストに牛乳を追加して
        プールは何時に開きますか
        """),
    "zh": _rows("""
        血液分析多少钱
        数据分析师工资多少
        化验分析报告什么时候出
        精神分析是谁提出的
        最优解是什么意思
        成都天气怎么样
        七点叫我起床
        澳大利亚的首都是哪里
        把牛奶加到清单里
        """),
    "en": _rows("""
        What does a blood analysis cost?
        What does an analyst earn?
        How do I stay optimistic?
        What is the optimal temperature for wine?
        Who founded psychoanalysis?
        What is the weather in Leeds?
        Wake me at seven.
        What is the capital of Australia?
        Is there a bug in my room, or is it a moth?
        Which factory makes this car?
        """),
}

COMPLEX: dict[str, list[str]] = {
    "fr": _rows("""
        Pouvez-vous analyser ces données ?
        Analysez l'impact de cette loi.
        Analyse l'extrait suivant et conclus.
        Analysons ensemble ce résultat.
        En analysant le code, trouve la faille.
        Fais une analyse détaillée de ce poème.
        J'aimerais que vous optimisiez cette requête.
        Cette fonction doit être optimisée.
        Optimisons la boucle.
        Il faut refactoriser ce module.
        Refactorez cette classe, s'il vous plaît.
        Le code a été refactoré, vérifie-le.
        Débogue-moi ce script.
        Peux-tu débugger ça ?
        Remaniez cette classe.
        Restructure ce code en fonctions.
        """),
    "pt": _rows("""
        Analise o seguinte contrato.
        Você poderia analisar isto?
        Analisando os dados, o que se vê?
        Quero que analisem este relatório.
        Faça uma análise do poema.
        Otimize esta consulta.
        O código precisa ser otimizado.
        Otimizando o laço, quanto ganho?
        Optimizar este ciclo em Java.
        Refatora esta função.
        Refatore, por favor, este módulo.
        Este código deve ser refatorado.
        Depure este script.
        Preciso depurar um programa.
        Ajuda-me a fazer debug disto.
        """),
    "es": _rows("""
        Analícelo, por favor.
        Analízalo paso a paso.
        ¿Podrías analizar este texto?
        Analizando el código, ¿qué falla?
        Hazme un análisis de este poema.
        Optimízame esta consulta.
        Hay que optimizarla.
        La función debe ser optimizada.
        Refactorízalo.
        Refactorice esta clase.
        El módulo fue refactorizado mal.
        Depúralo.
        Depurando un script me pierdo.
        Depura el programa.
        """),
    "it": _rows("""
        Analizzami questo testo.
        Potrebbe analizzare i dati?
        Analizzando il codice, che cosa non va?
        Fai un'analisi della poesia.
        Ottimizzate la query.
        La funzione va ottimizzata.
        Rifattorizza questa classe.
        Fai il refactoring del modulo.
        Fammi il debug dello script.
        """),
    "de": _rows("""
        Analysieren Sie bitte den Vertrag.
        Könntest du das analysieren?
        Das Gedicht soll analysiert werden.
        Hilf mir beim Analysieren der Daten.
        Erstelle eine Analyse der Zahlen.
        Optimiere mir die Abfrage.
        Die Schleife muss optimiert werden.
        Schlag eine Optimierung der Funktion vor.
        Refaktoriere das Modul.
        Ein Refactoring dieser Klasse, bitte.
        Die Klasse gehört refaktorisiert.
        Strukturiere diesen Code um.
        Debugge das.
        Beim Debuggen komme ich nicht weiter.
        """),
    "nl": _rows("""
        Analyseer het gedicht.
        Kunt u dit analyseren?
        De gegevens moeten geanalyseerd worden, analyseer ze.
        Optimaliseer deze query.
        De lus moet geoptimaliseerd worden.
        Refactor deze klasse.
        Help me met refactoren.
        Debug dit script.
        Ik ben aan het debuggen.
        """),
    "pl": _rows("""
        Przeanalizuj umowę.
        Proszę przeanalizować te dane.
        Analizując kod, znajdź błąd.
        Tekst ma zostać przeanalizowany.
        Przeprowadź analizę wiersza.
        Zoptymalizuj to zapytanie.
        Pętla musi być zoptymalizowana.
        Optymalizacja tej funkcji, proszę.
        Zrefaktoruj klasę.
        Potrzebny refaktoring modułu.
        Zdebuguj skrypt.
        Debugowanie nie idzie mi.
        """),
    "uk": _rows("""
        Проаналізуй договір.
        Прошу проаналізувати ці дані.
        Аналізуючи код, знайди помилку.
        Дані треба проаналізувати.
        Зроби аналіз вірша.
        Оптимізуйте запит.
        Цикл має бути оптимізований.
        Потрібна оптимізація функції.
        Відрефактори клас.
        Потрібен рефакторинг модуля.
        Відлагодь скрипт.
        Налагодьте програму.
        Допоможи з дебагом.
        """),
    "ru": _rows("""
        Проанализируйте договор.
        Нужно проанализировать данные.
        Анализируя код, найди ошибку.
        Данные должны быть проанализированы.
        Сделай анализ стихотворения.
        Оптимизируй запрос.
        Цикл должен быть оптимизирован.
        Нужна оптимизация функции.
        Отрефактори модуль.
        Помоги отладить скрипт.
        Отлаживаю программу, не выходит.
        Помоги с дебагом.
        """),
    "tr": _rows("""
        Bu metni analiz eder misiniz?
        Verileri analiz etmeni istiyorum.
        Şiirin analizini yapar mısın?
        Sözleşmenin analiz edilmesi gerekiyor.
        Sorguyu optimize edebilir misin?
        Döngünün optimize edilmesi lazım.
        Sınıfı refaktör et.
        Bu kodu yeniden düzenleyin.
        Fonksiyonu yeniden yapılandırır mısın?
        Programın hatalarını ayıklayın.
        Bu betikte hata ayıklamama yardım et.
        Metni çözümleyin.
        """),
    "ar": _rows("""
        حلل العقد التالي.
        اقرأ النص وحلله.
        هل يمكنك أن تحلل هذه البيانات؟
        حللوا القصيدة من فضلكم.
        أرجو تحليل هذا النص.
        قم بتحليلها.
        حسّن أداء الاستعلام.
        يجب تحسين هذه الدالة.
        قومي بتحسين الكود.
        أعد هيكلة الصنف.
        أريد إعادة هيكلة هذا الكود.
        صحح أخطاء البرنامج وشغله.
        نقّح الكود.
        """),
    "hi": _rows("""
        अनुबंध का विश्लेषण कीजिए।
        कृपया डेटा का विश्लेषण कर दें।
        इस कविता का विश्लेषण करके बताओ।
        क्वेरी को ऑप्टिमाइज़ कर दो।
        लूप ऑप्टिमाइज़ किया जाना चाहिए।
        क्लास को रीफैक्टर कीजिए।
        स्क्रिप्ट डिबग करने में मदद करो।
        is code ko analyze karo
        is kavita ka vishleshan karo
        query ko optimize kar do
        class ko refactor kijiye
        script debug karne mein madad karo
        """),
    "bn": _rows("""
        চুক্তিটি বিশ্লেষণ করুন।
        কবিতাটি বিশ্লেষণ করে দাও।
        তথ্যের বিশ্লেষণ দিন।
        কোয়েরিটি অপ্টিমাইজ করে দিন।
        লুপটি অপটিমাইজ করা দরকার।
        ক্লাসটি রিফ্যাক্টর করো।
        স্ক্রিপ্ট ডিবাগ করতে সাহায্য করো।
        """),
    "ko": _rows("""
        계약서를 분석해 주십시오.
        이 시를 분석하세요.
        데이터를 분석할 수 있어?
        로그 분석 좀 해 줘.
        쿼리를 최적화해 주시겠어요?
        반복문이 최적화되어야 합니다.
        클래스를 리팩토링하세요.
        스크립트를 디버깅해 줘.
        이걸 디버그해.
        """),
    "ja": _rows("""
        契約書を分析してください。
        この詩を分析せよ。
        データの分析をお願いします。
        ログを解析していただけますか。
        クエリを最適化してほしい。
        ループが最適化されるべきです。
        クラスをリファクタしてください。
        スクリプトのデバッグを手伝って。
        """),
    "zh": _rows("""
        请分析以下合同。
        帮我分析一下这首诗。
        分析这些数据。
        請幫我分析這段程式。
        把这个查询优化一下。
        這個迴圈需要優化。
        重构这个类。
        帮我调试脚本。
        """),
    "vi": _rows("""
        Hãy phân tích hợp đồng này.
        Phân tích bài thơ sau.
        Bạn giúp tôi phân tích dữ liệu được không?
        Phân tích các nguyên nhân.
        Tối ưu hóa truy vấn này.
        Tối ưu hàm này giúp mình.
        Tái cấu trúc lớp này.
        Gỡ lỗi đoạn mã.
        """),
    "id": _rows("""
        Tolong analisis kontrak ini.
        Bisakah Anda menganalisis data?
        Lakukan analisis puisi berikut.
        Optimalkan kueri.
        Fungsi ini perlu dioptimalkan.
        Refaktor modul ini.
        Bantu debug skrip.
        """),
    "th": _rows("""
        ช่วยวิเคราะห์สัญญานี้
        กรุณาวิเคราะห์บทกวี
        วิเคราะห์ข้อมูลให้หน่อย
        เพิ่มประสิทธิภาพโค้ดนี้
        ปรับโครงสร้างโค้ด
        ช่วยดีบักสคริปต์
        แก้บั๊กโปรแกรมนี้
        """),
    "en": _rows("""
        Could you analyse this contract?
        I need it analyzed by tomorrow.
        Help me with refactoring.
        The class should be refactored.
        Optimised code, please: here is the loop.
        We are optimizing a query.
        I've been debugging for hours.
        Debug it.
        """),
}
